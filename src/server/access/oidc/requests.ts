// Requests to the OpenID provider: how they are sent, how this server proves itself, and what their failures mean.
import * as client from 'openid-client';
import { Agent, fetch as send } from 'undici';

/** The size of an answer of a provider. Units: bytes. */
const longestAnswer = 1024 * 1024;

/** A fetch that trusts the provider's CA and reads no endless answer. `ca`: PEM. */
export function sender(ca: string | undefined): client.CustomFetch {
  const dispatcher = new Agent({
    maxResponseSize: longestAnswer,
    ...(ca === undefined ? {} : { connect: { ca } }),
  });
  // undici's own fetch is the one that takes a dispatcher.
  return (url, options) => send(url, { ...options, body: options.body ?? null, dispatcher });
}

/** The client authentication that the provider takes. */
export function authentication(
  { token_endpoint_auth_methods_supported: methods }: client.ServerMetadata,
  secret: string | undefined,
): client.ClientAuth {
  if (secret === undefined) return client.None();
  // The default of OpenID Connect Discovery, section 3.
  const takesBasic = methods === undefined || methods.includes('client_secret_basic');
  return takesBasic ? client.ClientSecretBasic(secret) : client.ClientSecretPost(secret);
}

/** The message of an error, for the log. Those of openid-client hold the whole answer that they are about, tokens and all. */
export function withoutAnswer(err: unknown): Error {
  const parts: string[] = [];
  for (let e = err; e instanceof Error; e = e.cause) {
    parts.push(e.message || e.name);
    if (e instanceof client.AuthorizationResponseError || e instanceof client.ResponseBodyError) {
      parts.push(e.error, e.error_description ?? '');
    }
    const { status }: { status?: unknown } = Object(e.cause);
    if (typeof status === 'number') parts.push(`status ${status}`);
  }
  return new Error(parts.filter((part) => part !== '').join(': '));
}

/** True for what fetch throws where no answer came. */
export function isSilence(err: unknown): boolean {
  if (!(err instanceof Error)) return false;
  return err.message === 'fetch failed' || isSilence(err.cause) || err.name === 'TimeoutError';
}
