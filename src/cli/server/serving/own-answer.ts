// Asks this server itself, for those who speak no HTTP: a script is the same whichever way it was fetched.
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

const answersWithinMs = 10_000;

/** The text at a URL of this server. Errors: those of the connection; a plain Error with the server's words where
 *  it refuses. */
export async function ownAnswer(url: string, signal: AbortSignal): Promise<string> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(answersWithinMs)]);
  // An agent of its own goes through no proxy.
  const request = get(url, { agent: new Agent(), signal: within });
  // The types of Node do not tell what comes with an event.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode === 200) return body;
  throw new Error(`${url} answers ${response.statusCode}: ${body.slice(0, 500)}`);
}
