// A real OpenID provider on loopback, and a browser for it and a server under test.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import Provider from 'oidc-provider';
import { onTestFinished, vi } from 'vitest';
import type { OidcOptions } from '../../../../src/server/access/oidc/provider.ts';
import { parseRules } from '../../../../src/server/access/oidc/rules.ts';

export const clientId = 'dragonfly';
const clientSecret = 'a-secret-of-dragonfly';

/** Whom the provider knows. */
const accounts: Readonly<Record<string, JWTPayload>> = {
  alice: { email: 'alice@example.com', email_verified: true, groups: ['staff', 'admins'] },
  bob: { email: 'bob@example.com', email_verified: true, groups: ['rack team'] },
  carol: { email: 'ops', email_verified: false, preferred_username: 'carol', groups: ['staff'] },
  mallory: { email: 'mallory@example.com', groups: ['not admins', 'admins,staff'] },
};

export interface TestProvider {
  readonly issuer: string;
  /** Who signs in next; undefined: they refuse. */
  who: string | undefined;
  readonly publicJwk: object;
  /** A token with the provider's signature, of `alice` where the claims say nothing else. */
  sign(claims?: object, header?: Readonly<Record<string, unknown>>): Promise<string>;
  /** An access token for a script, by the provider itself. */
  tokenOfScript(): Promise<string>;
  options(more?: Partial<OidcOptions>): OidcOptions;
  stop(): Promise<void>;
}

interface ProviderOptions {
  readonly host?: string;
  readonly port?: number;
  readonly kid?: string;
  /** Groups are answered by its userinfo address alone. */
  readonly isTerse?: boolean;
  /** It publishes a second key, before the one that signs. */
  readonly hasSpare?: boolean;
}

export async function startProvider({
  host = '127.0.0.1',
  port = 0,
  kid = 'key-1',
  isTerse = false,
  hasSpare = false,
}: ProviderOptions = {}): Promise<TestProvider> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const more = { kid, alg: 'ES256', use: 'sig' };
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  // A server that listens on TCP has an address of this kind.
  const issuer = `http://${host}:${String((server.address() as AddressInfo).port)}`;
  const known: TestProvider = {
    issuer,
    who: 'alice',
    publicJwk: { ...(await exportJWK(publicKey)), ...more },
    sign: (claims = {}, header = {}) =>
      sign(privateKey, { iss: issuer, ...claims }, { kid, ...header }),
    tokenOfScript: () => tokenOfScript(issuer),
    options: (options = {}) => ({
      issuer,
      clientId,
      clientSecret,
      audience: undefined,
      scopes: 'openid email profile',
      claim: 'groups',
      rules: parseRules('admins=full; rack team=operate:rack-1; staff=read; robots=operate'),
      name: 'Example',
      sessionHours: 10,
      ...options,
    }),
    stop: () => stop(server),
  };
  const spare = await generateKeyPair('ES256', { extractable: true });
  const spares = hasSpare
    ? [{ ...(await exportJWK(spare.privateKey)), ...more, kid: 'spare' }]
    : [];
  const jwks = { keys: [...spares, { ...(await exportJWK(privateKey)), ...more }] };
  // It says that it keeps everything in memory and uses defaults.
  for (const level of ['warn', 'info'] as const) {
    vi.spyOn(console, level).mockImplementation(() => {});
  }
  const provider = new Provider(issuer, configuration(jwks, isTerse));
  // Servers under test have any port.
  provider.Client.prototype.redirectUriAllowed = (url) =>
    /^http:\/\/127\.0\.0\.1:\d+\/auth\/callback$/.test(url);
  const answer = provider.callback();
  server.on('request', (request, response) => {
    if (request.url?.startsWith('/interaction/') !== true) {
      answer(request, response);
      return;
    }
    const { who } = known;
    const result = who === undefined ? { error: 'access_denied' } : { login: { accountId: who } };
    void provider.interactionFinished(request, response, result);
  });
  onTestFinished(() => stop(server));
  return known;
}

function configuration(jwks: object, isTerse: boolean) {
  return {
    jwks,
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: ['http://127.0.0.1/auth/callback'],
        response_types: ['code'],
        grant_types: ['authorization_code'],
        id_token_signed_response_alg: 'ES256',
      },
      {
        client_id: 'robot',
        client_secret: clientSecret,
        redirect_uris: [],
        response_types: [],
        grant_types: ['client_credentials'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    cookies: { keys: ['of the tests'] },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['preferred_username', 'groups'],
    },
    conformIdTokenClaims: isTerse,
    pkce: { required: () => true },
    findAccount: (_context: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, ...accounts[sub] }),
    }),
    loadExistingGrant: grantAll,
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    extraTokenClaims: () => ({ groups: ['robots'] }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'fleet',
          audience: 'urn:fleet',
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  };
}

/** Nobody is asked for consent. */
async function grantAll({ oidc }: { readonly oidc: unknown }) {
  const { provider, client, session } = Object(oidc);
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid email profile');
  await grant.save();
  return grant;
}

function sign(
  key: CryptoKey,
  claims: object,
  header: Readonly<Record<string, unknown>>,
): Promise<string> {
  const seconds = Math.floor(Date.now() / 1000);
  const usual = {
    sub: 'alice',
    aud: clientId,
    iat: seconds,
    exp: seconds + 300,
    ...accounts['alice'],
  };
  return new SignJWT({ ...usual, ...claims })
    .setProtectedHeader({ alg: 'ES256', ...header })
    .sign(key);
}

async function tokenOfScript(issuer: string): Promise<string> {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`robot:${clientSecret}`)}` },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'fleet',
      resource: 'urn:fleet',
    }),
  });
  return Object(await answer.json()).access_token;
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

/** A browser: it keeps cookies by origin, and stops before it follows a redirect to `until`. */
export class Browser {
  readonly cookies = new Map<string, Map<string, string>>();

  cookieOf(url: string, name: string): string | undefined {
    return this.cookies.get(new URL(url).origin)?.get(name);
  }

  setCookie(url: string, name: string, value: string): void {
    const { origin } = new URL(url);
    this.cookies.set(origin, new Map(this.cookies.get(origin)).set(name, value));
  }

  async send(url: string, init: RequestInit = {}): Promise<Response> {
    const own = [...(this.cookies.get(new URL(url).origin) ?? [])];
    const headers = new Headers(init.headers);
    if (own.length > 0) headers.set('cookie', own.map((pair) => pair.join('=')).join('; '));
    const answer = await fetch(url, { redirect: 'manual', ...init, headers });
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/;\s*/);
      const name = pair.slice(0, pair.indexOf('='));
      this.setCookie(url, name, pair.slice(name.length + 1));
      if (attributes.some((one) => /^max-age=0$|^expires=thu, 01 jan 1970/i.test(one))) {
        this.cookies.get(new URL(url).origin)?.delete(name);
      }
    }
    return answer;
  }

  /** Follows redirects until one leads to an address that `until` fits. Returns that. */
  async follow(url: string, until: RegExp): Promise<string> {
    let at = url;
    for (let hops = 0; hops < 12 && !until.test(at); hops += 1) {
      const answer = await this.send(at);
      const next = answer.headers.get('location');
      if (next === null) throw new Error(`${at}: ${answer.status} ${await answer.text()}`);
      at = new URL(next, at).href;
    }
    return at;
  }
}
