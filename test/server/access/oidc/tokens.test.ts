// Tokens of an OpenID provider as scripts send them.
import { decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import { ManualClock, systemClock } from '../../../../src/core/clock.ts';
import { Provider } from '../../../../src/server/access/oidc/provider.ts';
import { createToken } from '../../../../src/server/access/tokens.ts';
import { checkin, startServer } from '../../harness.ts';
import { clientId, startProvider } from './provider.ts';

const now = (): number => Math.floor(Date.now() / 1000);

async function prepared() {
  const provider = await startProvider();
  const server = await startServer({ oidc: provider.options({ audience: 'urn:fleet' }) });
  const whoami = async (token: string) => server.call('GET', '/api/whoami', { token });
  return { provider, server, whoami };
}

it('an ID token and an access token of the provider are somebody with the scope of their group', async () => {
  const { provider, server, whoami } = await prepared();
  const alice = await whoami(await provider.sign());
  expect(alice.body).toEqual({
    name: 'alice@example.com (oidc alice)',
    scope: 'full',
    expires_at: expect.any(String),
  });
  expect(Math.abs(Date.parse(alice.body.expires_at) - Date.now() - 300_000)).toBeLessThan(60_000);
  const bob = await provider.sign({ sub: 'bob', email: 'bob@example.com', groups: ['rack team'] });
  expect((await whoami(bob)).body).toMatchObject({ scope: 'operate', tags: ['rack-1'] });
  expect((await server.call('GET', '/api/settings', { token: bob })).status).toBe(403);
  const robot = await provider.tokenOfScript();
  expect(decodeProtectedHeader(robot).typ).toBe('at+jwt');
  expect((await whoami(robot)).body).toMatchObject({ name: 'oidc robot', scope: 'operate' });
  expect((await whoami(await provider.sign({ groups: ['guests'] }))).status).toBe(403);
});

it('the audit log names the person', async () => {
  const { provider, server } = await prepared();
  const token = await provider.sign();
  const put = { body: { value: 'b' }, token };
  expect((await server.call('PUT', '/api/settings/a', put)).status).toBe(201);
  const { body } = await server.call('GET', '/api/audit', { token });
  expect(body.entries).toMatchObject([
    { by: 'alice@example.com (oidc alice)', action: 'settings.put', from: '127.0.0.1' },
  ]);
});

it('a token that the provider did not sign for this server, or that is over, is refused', async () => {
  const { provider, whoami } = await prepared();
  const other = await startProvider();
  const foreign = (claims = {}) => other.sign({ iss: provider.issuer, ...claims });
  const secret = (key: string) =>
    new SignJWT({ iss: provider.issuer, sub: 'alice', aud: clientId, groups: ['admins'] })
      .setProtectedHeader({ alg: 'HS256', kid: 'key-1' })
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(key));
  const [head, body, signature] = (await provider.sign({ groups: [] })).split('.');
  const better = { ...JSON.parse(atob(String(body))), groups: ['admins'] };
  const bad: Record<string, string> = {
    'wrong issuer': await provider.sign({ iss: other.issuer }),
    'issuer with a slash': await provider.sign({ iss: `${provider.issuer}/` }),
    'no issuer': await provider.sign({ iss: undefined }),
    'wrong audience': await provider.sign({ aud: 'another-client' }),
    'no audience': await provider.sign({ aud: undefined }),
    'of another client': await provider.sign({ aud: [clientId, 'x'], azp: 'x' }),
    'of nobody knows which client': await provider.sign({ aud: [clientId, 'x'] }),
    'alg none': new UnsecuredJWT({
      iss: provider.issuer,
      sub: 'alice',
      aud: clientId,
      groups: ['admins'],
    })
      .setExpirationTime('5m')
      .encode(),
    'HS256 with the public key': await secret(JSON.stringify(provider.publicJwk)),
    'HS256 with the secret of the client': await secret('a-secret-of-dragonfly'),
    expired: await provider.sign({ exp: now() - 120 }),
    'without end': await provider.sign({ exp: undefined }),
    'not valid yet': await provider.sign({ nbf: now() + 120 }),
    'from the future': await provider.sign({ iat: now() + 120 }),
    'of nobody': await provider.sign({ sub: undefined }),
    'of an empty name': await provider.sign({ sub: '' }),
    'unknown key': await provider.sign({}, { kid: 'key-2' }),
    "another's key": await foreign(),
    'a key that it brings': await other.sign({ iss: provider.issuer }, { jwk: other.publicJwk }),
    'a key that it names': await other.sign(
      { iss: provider.issuer },
      { jku: `${other.issuer}/jwks` },
    ),
    'logout token': await provider.sign({}, { typ: 'logout+jwt' }),
    'with events': await provider.sign({ events: {} }),
    'bound to a key': await provider.sign({ cnf: { jkt: 'x' } }),
    'changed claims': [head, btoa(JSON.stringify(better)).replaceAll('=', ''), signature].join('.'),
    'no signature': [head, body, ''].join('.'),
    'no token': 'a.b.c',
  };
  const answers = await Promise.all(
    Object.entries(bad).map(async ([name, token]) => [name, (await whoami(token)).body.code]),
  );
  expect(answers).toEqual(Object.keys(bad).map((name) => [name, 'auth.required']));
  expect((await whoami(await provider.sign({ exp: now() - 30, iat: now() + 30 }))).status).toBe(
    200,
  );
});

it('a token that ends after any date is good, and its end is shown', async () => {
  const { provider, whoami } = await prepared();
  const { status, body } = await whoami(await provider.sign({ exp: 1e18 }));
  expect([status, body.expires_at]).toEqual([200, '9999-12-31T00:00:00.000Z']);
});

it('without an audience of its own the API takes ID tokens of its client alone', async () => {
  const provider = await startProvider();
  const server = await startServer({ oidc: provider.options() });
  const whoami = async (token: string) =>
    (await server.call('GET', '/api/whoami', { token })).status;
  expect(await whoami(await provider.tokenOfScript())).toBe(401);
  expect(await whoami(await provider.sign())).toBe(200);
});

it('a person is no agent, and a token with two dots is still one', async () => {
  const provider = await startProvider();
  const enrolmentToken = 'one.configured.by-somebody';
  const server = await startServer({ oidc: provider.options(), auth: { enrolmentToken } });
  const enrol = (token: string) =>
    server.call('POST', '/api/agent/checkin', { body: checkin(1), token });
  expect((await enrol(await provider.sign())).status).toBe(403);
  expect((await enrol(enrolmentToken)).status).toBe(200);
});

it('with a provider a server without tokens is closed', async () => {
  const provider = await startProvider();
  const server = await startServer({ oidc: provider.options() });
  expect((await server.call('GET', '/api/machines')).status).toBe(401);
  const wanted = { name: 'rack', scope: 'enrol' };
  const token = await provider.sign();
  expect((await server.call('POST', '/api/tokens', { body: wanted, token })).status).toBe(201);
});

it('a provider that is away at the start is heard of later, and tokens go on without it', async () => {
  const provider = await startProvider();
  await provider.stop();
  const clock = new ManualClock(new Date());
  const server = await startServer({ clock, oidc: provider.options() });
  const own = await createToken(server.store, systemClock, {
    name: 'ops',
    scope: 'full',
    expiresAt: null,
  });
  expect((await server.call('GET', '/api/machines', { token: own })).status).toBe(200);
  const away = await server.call('GET', '/api/whoami', { token: await provider.sign() });
  expect([away.status, away.body.code]).toEqual([503, 'auth.provider']);
  expect(away.headers.get('retry-after')).not.toBeNull();
  const back = await startProvider({ port: Number(new URL(provider.issuer).port) });
  await clock.advance(10_000);
  const there = await server.call('GET', '/api/whoami', { token: await back.sign() });
  expect(there.status).toBe(200);
});

it('keys change: a new one is taken at once, an old one refused after ten minutes, and silence changes nothing', async () => {
  const before = await startProvider();
  const clock = new ManualClock(new Date());
  const verifier = new Provider(before.options(), clock);
  const isGood = async (token: string) =>
    verifier.personOf(token).then(
      () => true,
      () => false,
    );
  const exp = now() + 86_400;
  const [old, fake] = [await before.sign({ exp }), await before.sign({ exp }, { kid: 'key-9' })];
  expect(await isGood(old)).toBe(true);
  await before.stop();
  await clock.advance(11 * 60_000);
  expect([await isGood(old), await isGood(old)]).toEqual([true, true]);
  const after = await startProvider({ port: Number(new URL(before.issuer).port), kid: 'key-2' });
  onTestFinished(() => after.stop());
  await clock.advance(10_000);
  expect(await isGood(await after.sign({ exp }))).toBe(true);
  expect(await isGood(old)).toBe(false);
  expect(await isGood(fake)).toBe(false);
});

it('a token that names no key is good if any key signed it, a new one too', async () => {
  const before = await startProvider({ hasSpare: true });
  const clock = new ManualClock(new Date());
  const verifier = new Provider(before.options(), clock);
  const nameless = { kid: undefined };
  const nameOf = async (token: string) => (await verifier.personOf(token)).person.name;
  const alice = 'alice@example.com (oidc alice)';
  expect(await nameOf(await before.sign({}, nameless))).toBe(alice);
  const stranger = await startProvider();
  const forged = await stranger.sign({ iss: before.issuer }, nameless);
  await expect(nameOf(forged)).rejects.toMatchObject({ code: 'auth.required' });
  await before.stop();
  const after = await startProvider({ port: Number(new URL(before.issuer).port), kid: 'key-2' });
  await clock.advance(10_000);
  expect(await nameOf(await after.sign({}, nameless))).toBe(alice);
});
