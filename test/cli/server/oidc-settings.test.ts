import { expect, it } from 'vitest';
import { oidcOptions, oidcSettings } from '../../../src/cli/server/settings/oidc-settings.ts';
import { settingOptions } from '../../../src/cli/setting-options.ts';
import {
  documentLayer,
  environmentLayer,
  flagLayer,
} from '../../../src/core/settings/setting-layers.ts';
import { readSettings } from '../../../src/core/settings/settings.ts';

const whole = {
  'oidc-issuer': 'https://id.example.com/',
  'oidc-client-id': 'dragonfly',
  'oidc-access': 'admins=full',
};

function optionsOf(flags: object, env: Record<string, string> = {}, file: object | null = null) {
  const { values } = readSettings(oidcSettings, [
    flagLayer({ ...flags }),
    environmentLayer(env),
    documentLayer('settings.yml', file, oidcSettings),
  ]);
  return oidcOptions(values, (path) => `text of ${path}\n`);
}

it('is off without settings, and needs three of them', () => {
  expect(optionsOf({})).toBeUndefined();
  for (const flag of Object.keys(whole)) {
    const message = `needs --${flag}`;
    expect(() => optionsOf({ ...whole, [flag]: undefined })).toThrow(message);
  }
  expect(optionsOf(whole)).toMatchObject({
    issuer: 'https://id.example.com/',
    clientSecret: undefined,
    rules: [{ group: 'admins', scope: 'full' }],
    claim: 'groups',
    name: 'id.example.com',
    sessionHours: 10,
  });
});

it('takes the secret from a file, the environment or the settings file, and from no flag', () => {
  expect(Object.keys(settingOptions(oidcSettings))).not.toContain('oidc-client-secret');
  expect(optionsOf({ ...whole, 'oidc-client-secret': 'seen' })?.clientSecret).toBeUndefined();
  expect(optionsOf({ ...whole, 'oidc-client-secret-file': '/s' })?.clientSecret).toBe('text of /s');
  const env = { DRAGONFLY_OIDC_CLIENT_SECRET: 'from-env' };
  expect(optionsOf(whole, env)?.clientSecret).toBe('from-env');
  expect(optionsOf(whole, {}, { oidc_client_secret: 'from-file' })?.clientSecret).toBe('from-file');
});

it.each([
  ['oidc-issuer', 'http://id.example.com', 'https://'],
  ['oidc-issuer', 'id.example.com', 'address'],
  ['oidc-issuer', 'https://user@id.example.com', 'user'],
  ['oidc-issuer', 'https://id.example.com/?a', '"?"'],
  ['oidc-access', 'admins', 'GROUP=read'],
  ['oidc-redirect-url', 'https://fleet.example/other', '/auth/callback'],
  ['oidc-redirect-url', 'fleet.example', '/auth/callback'],
  ['oidc-session-hours', '0', 'from 0.1 to 720'],
])('refuses --%s %s', (flag, value, why) => {
  const cause = expect.objectContaining({ message: expect.stringContaining(why) });
  expect(() => optionsOf({ ...whole, [flag]: value })).toThrow(expect.objectContaining({ cause }));
});

it('takes a provider on this host without TLS', () => {
  for (const issuer of [
    'http://127.0.0.1:8080/realms/a',
    'http://localhost:8080',
    'http://[::1]:1',
  ]) {
    expect(optionsOf({ ...whole, 'oidc-issuer': issuer })?.issuer).toBe(issuer);
  }
});
