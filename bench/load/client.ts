// A client on bare sockets, which takes little of the machine that it shares with the server.
import { connect } from 'node:net';

const connections = 64;

export interface Message {
  readonly body: object;
  readonly token?: string | undefined;
}

/** Posts the messages over 64 connections that wait for each answer. Returns the milliseconds that it took. */
export async function postAll(
  port: number,
  path: string,
  messages: readonly Message[],
): Promise<number> {
  const requests = messages.map((message) => asHttp(path, message));
  let next = 0;
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      const send = (): void => {
        const text = requests[next++];
        if (text === undefined) {
          socket.destroy();
          resolve();
          return;
        }
        socket.write(text);
      };
      // Answers are small and not pipelined: each comes in one piece.
      socket.on('data', (data: Buffer) => {
        if (data.toString('latin1', 9, 12) === '200') send();
        else reject(new Error(data.toString()));
      });
      socket.on('error', reject);
      // After its last answer this changes nothing any more.
      socket.on('close', () => {
        reject(new Error('the server closed a connection'));
      });
      socket.once('connect', send);
    });
  const startMs = performance.now();
  await Promise.all(Array.from({ length: connections }, one));
  return performance.now() - startMs;
}

function asHttp(path: string, { body, token }: Message): string {
  const text = JSON.stringify(body);
  const authorization = token === undefined ? '' : `authorization: Bearer ${token}\r\n`;
  return `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${authorization}content-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`;
}

/** The answer to a POST. */
export async function post(
  port: number,
  path: string,
  { body, token }: Message,
): Promise<Record<string, string>> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`POST ${path}: ${text}`);
  return JSON.parse(text);
}
