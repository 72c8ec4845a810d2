// The OpenID provider: its description and keys, sign-ins with it, and the tokens that it signs. Whoever imports this
// loads openid-client, so it is loaded only where a provider is configured.
import {
  createLocalJWKSet,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
} from 'jose';
import * as client from 'openid-client';
import type { Clock } from '../../../core/clock.ts';
import { AppError, isAppError } from '../../../core/errors.ts';
import { Kept } from './kept.ts';
import { authentication, isSilence, sender, withoutAnswer } from './requests.ts';
import { claimAt, personOf, type Claims, type Person, type Rule } from './rules.ts';

export interface OidcOptions {
  /** https:// but for a provider on this host. */
  readonly issuer: string;
  readonly clientId: string;
  /** undefined: a public client. */
  readonly clientSecret?: string | undefined;
  /** The audience of access tokens that scripts send. Without it only ID tokens of this client are taken. */
  readonly audience?: string | undefined;
  /** The scopes that a sign-in asks for. */
  readonly scopes: string;
  /** The claim that names a person's groups. */
  readonly claim: string;
  readonly rules: readonly Rule[];
  /** The address that the provider sends people back to, as it knows it; undefined: as each request names it. */
  readonly callback?: string | undefined;
  /** The provider's name on the page. */
  readonly name: string;
  readonly sessionHours: number;
  /** The CA of the provider, PEM; without it, those that Node trusts. */
  readonly ca?: string | undefined;
}

/** A sign-in that has begun. The browser keeps it, sealed, while its user is at the provider. */
export interface Pending {
  /** Nothing of this is told to any other provider. */
  readonly issuer: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

const timeoutSeconds = 10;
/** The difference between the clocks of two computers that is taken for none. Units: seconds. */
const clockSlack = 60;
/** A token may say that it ends later than any date can. Units: seconds since 1970. */
const lastSecond = Date.UTC(9999, 11, 31) / 1000;
const minuteMs = 60_000;
const description = { freshMs: 60 * minuteMs, usableMs: Infinity, pauseMs: 10_000 };
/** A key that the provider withdrew is refused after ten minutes. While the provider is away they go on. */
const keys = { freshMs: 10 * minuteMs, usableMs: 24 * 60 * minuteMs, pauseMs: 10_000 };

/** Signatures with a private key. Whatever is signed with a shared secret, or not at all, is refused. */
const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
/** The types of a token that speaks for somebody; a logout token, for one, does not. */
const types = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);

export class Provider {
  readonly options: OidcOptions;
  /** The provider's name in what is kept of people: discovery takes `https://host` and `https://HOST/` for one. */
  readonly issuer: string;
  readonly #clock: Clock;
  readonly #described: Kept<client.Configuration>;
  readonly #keys: Kept<JWTVerifyGetKey>;
  readonly #send: client.CustomFetch;

  constructor(options: OidcOptions, clock: Clock) {
    this.options = options;
    this.issuer = new URL(options.issuer).href;
    this.#clock = clock;
    this.#send = sender(options.ca);
    this.#described = new Kept(clock, () => this.#discover(), description);
    this.#keys = new Kept(clock, () => this.#readKeys(), keys);
  }

  /** Errors: AppError `auth.provider` if the provider cannot be reached. */
  async reach(): Promise<void> {
    await this.#described.get();
  }

  /** Begins a sign-in that the provider answers at `callback`. Errors: AppError `auth.provider`. */
  async begin(callback: string): Promise<{ readonly url: string; readonly pending: Pending }> {
    const configuration = await this.#described.get();
    const pending = {
      issuer: this.issuer,
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: callback,
      scope: this.options.scopes,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
      code_challenge_method: 'S256',
    });
    return { url: url.href, pending };
  }

  /** The person whom the provider sent back to `callback`. Errors: AppError `auth.denied` if the provider refused or its
   *  answer is not for this sign-in, `auth.provider`. */
  async finish(callback: URL, { issuer, state, nonce, verifier }: Pending): Promise<Person> {
    if (issuer !== this.issuer) {
      throw new AppError('auth.denied', `the sign-in began with ${issuer}: sign in again`);
    }
    const configuration = await this.#described.get();
    try {
      const tokens = await client.authorizationCodeGrant(configuration, callback, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
      });
      const claims = await this.#claimsOf(tokens.id_token ?? '');
      return this.#person(await this.#withUserinfo(configuration, claims, tokens.access_token));
    } catch (cause) {
      throw this.#refusal(cause);
    }
  }

  /** The person whose ID token or access token this is, and when it ends. Errors: AppError `auth.required` for one that
   *  is not good, `auth.provider`. */
  async personOf(token: string): Promise<{ readonly person: Person; readonly expires: Date }> {
    const claims = await this.#claimsOf(token);
    const expires = new Date(Math.min(Number(claims['exp']), lastSecond) * 1000);
    return { person: this.#person(claims), expires };
  }

  #person(claims: Claims): Person {
    return personOf(claims, this.options.claim, this.options.rules);
  }

  /** With the claims that a provider gives only to who asks for them. */
  async #withUserinfo(
    configuration: client.Configuration,
    claims: Claims,
    accessToken: string,
  ): Promise<Claims> {
    const { userinfo_endpoint: endpoint } = configuration.serverMetadata();
    if (endpoint === undefined || claimAt(claims, this.options.claim) !== undefined) return claims;
    return { ...(await client.fetchUserInfo(configuration, accessToken, claims.sub)), ...claims };
  }

  /** The claims of a token that the provider signed for this server. */
  async #claimsOf(token: string): Promise<Claims> {
    const { issuer } = (await this.#described.get()).serverMetadata();
    const { clientId, audience } = this.options;
    try {
      const { payload, protectedHeader } = await this.#verify(token, {
        issuer,
        audience: audience === undefined ? clientId : [clientId, audience],
        algorithms,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: clockSlack,
        currentDate: this.#clock.now(),
      });
      this.#refuseOddities(payload, protectedHeader.typ);
      // requiredClaims says that it is there, and jose that it is a text.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return payload as Claims;
    } catch (cause) {
      if (isAppError(cause)) throw cause;
      throw new AppError('auth.required', `the token of ${issuer} is not valid here`, { cause });
    }
  }

  #refuseOddities(claims: Readonly<Record<string, unknown>>, type: string | undefined): void {
    const { clientId, audience } = this.options;
    const { aud, azp, iat, sub } = claims;
    if (!types.has(type?.toLowerCase()) || claims['events'] !== undefined) {
      throw new Error('it is neither an ID token nor an access token');
    }
    if (typeof sub !== 'string' || sub === '') throw new Error('it names nobody');
    if (typeof iat === 'number' && iat > this.#clock.now().getTime() / 1000 + clockSlack) {
      throw new Error('it was issued in the future');
    }
    // RFC 9449, section 7.1, and RFC 8705, section 3: who sends it would have to prove more.
    if (claims['cnf'] !== undefined) throw new Error('it is bound to a key of its owner');
    // An ID token is for the client that asked for it (OpenID Connect Core, section 3.1.3.7).
    const isForApi = audience !== undefined && [aud].flat().includes(audience);
    const isForOthers = azp === undefined ? [aud].flat().length > 1 : azp !== clientId;
    if (!isForApi && isForOthers) throw new Error('it was issued to another client');
  }

  /** A key that is not known yet may be a new one; a token that names none may be signed with such a one. */
  async #verify(token: string, options: JWTVerifyOptions): Promise<JWTVerifyResult> {
    try {
      return await verifyWithAny(token, await this.#keys.get(), options);
    } catch (err) {
      const isUnsure =
        err instanceof errors.JWSSignatureVerificationFailed &&
        decodeProtectedHeader(token).kid === undefined;
      if (!isUnsure && !(err instanceof errors.JWKSNoMatchingKey)) throw err;
      return verifyWithAny(token, await this.#keys.again(), options);
    }
  }

  async #discover(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret } = this.options;
    const address = new URL(issuer);
    const metadata = { [client.clockTolerance]: clockSlack };
    try {
      const found = await client.discovery(address, clientId, metadata, client.None(), {
        timeout: timeoutSeconds,
        [client.customFetch]: this.#send,
        execute: address.protocol === 'http:' ? [client.allowInsecureRequests] : [],
      });
      const server = found.serverMetadata();
      const configuration = new client.Configuration(
        server,
        clientId,
        metadata,
        authentication(server, clientSecret),
      );
      configuration.timeout = timeoutSeconds;
      configuration[client.customFetch] = this.#send;
      if (address.protocol === 'http:') client.allowInsecureRequests(configuration);
      return configuration;
    } catch (cause) {
      throw this.#silent('its description cannot be read', cause);
    }
  }

  async #readKeys(): Promise<JWTVerifyGetKey> {
    const { jwks_uri: address } = (await this.#described.get()).serverMetadata();
    try {
      if (address === undefined) throw new Error('it names no jwks_uri');
      const answer = await this.#send(address, {
        method: 'GET',
        headers: { accept: 'application/json' },
        body: undefined,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutSeconds * 1000),
      });
      if (answer.status !== 200) throw new Error(`it answered with status ${answer.status}`);
      // jose checks what it is given.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return createLocalJWKSet((await answer.json()) as Parameters<typeof createLocalJWKSet>[0]);
    } catch (cause) {
      throw this.#silent('its keys cannot be read', cause);
    }
  }

  #silent(what: string, cause: unknown): AppError {
    const message = `the OpenID provider ${this.options.issuer} is of no use now: ${what}`;
    return new AppError('auth.provider', message, { cause });
  }

  /** A sign-in that failed: the provider said no or something wrong, or nothing at all. */
  #refusal(cause: unknown): AppError {
    if (isAppError(cause, 'auth.provider')) return cause;
    if (isSilence(cause)) return this.#silent('it does not answer', cause);
    const message = `the sign-in with ${this.options.issuer} failed`;
    return new AppError('auth.denied', message, { cause: withoutAnswer(cause) });
  }
}

/** A token does not have to name its key: then each that would do is tried. */
async function verifyWithAny(
  token: string,
  known: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, known, options);
  } catch (err) {
    if (!(err instanceof errors.JWKSMultipleMatchingKeys)) throw err;
    for await (const key of err) {
      try {
        return await jwtVerify(token, key, options);
      } catch (refusal) {
        if (!(refusal instanceof errors.JWSSignatureVerificationFailed)) throw refusal;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}
