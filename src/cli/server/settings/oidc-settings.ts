// The server's settings for signing in with an OpenID provider.
import { AppError } from '../../../core/errors.ts';
import type { Settings, SettingSpecs } from '../../../core/settings/settings.ts';
import type { OidcOptions } from '../../../server/access/oidc/provider.ts';
import { parseRules } from '../../../server/access/oidc/rules.ts';
import { callbackPath } from '../../../server/http/session-cookie.ts';
import { isLoopback } from '../../../transport/proxy.ts';

export const oidcSettings = {
  oidc_issuer: {
    type: 'string',
    value: 'URL',
    describe: 'OpenID provider that operators sign in with',
    parse: parseIssuer,
  },
  oidc_client_id: { type: 'string', value: 'ID', describe: 'this server’s name at the provider' },
  oidc_client_secret_file: {
    type: 'string',
    value: 'FILE',
    describe: 'file that holds the secret of that client',
  },
  oidc_client_secret: { type: 'string', secret: true, flag: false, describe: 'that secret' },
  oidc_access: {
    type: 'string',
    value: 'RULES',
    describe:
      'what each group of the provider may do: "admins=full; rack team=operate:rack-1; *=read"',
    parse: (text) => {
      parseRules(text);
      return text;
    },
  },
  oidc_claim: {
    type: 'string',
    value: 'NAME',
    default: 'groups',
    describe: 'claim that holds the groups of a person, as realm_access.roles',
  },
  oidc_scopes: {
    type: 'string',
    value: 'SCOPES',
    default: 'openid email profile',
    describe: 'scopes that a sign-in asks for',
  },
  oidc_audience: {
    type: 'string',
    value: 'NAME',
    describe: 'audience of access tokens for the API (default: only ID tokens are taken)',
  },
  oidc_redirect_url: {
    type: 'string',
    value: 'URL',
    describe: `address that the provider sends people back to: https://HOST${callbackPath} (default: as each request names it)`,
    parse: parseCallback,
  },
  oidc_name: {
    type: 'string',
    value: 'NAME',
    describe: 'name of the provider on the page (default: its host)',
  },
  oidc_session_hours: {
    type: 'number',
    value: 'HOURS',
    default: 10,
    range: [0.1, 720],
    describe: 'hours until somebody has to sign in again',
  },
  oidc_cacert: {
    type: 'string',
    value: 'FILE',
    describe: 'CA of the provider, PEM (default: those of Node)',
  },
} as const satisfies SettingSpecs;

type Values = Settings<typeof oidcSettings>['values'];

/** The provider that the settings name. `readText`: reads a file that a setting names. Errors: AppError `config.missing`
 *  for a setting that has to go with the others, `config.invalid`. */
export function oidcOptions(
  values: Values,
  readText: (path: string) => string,
): OidcOptions | undefined {
  const { oidc_issuer: issuer, oidc_client_id: clientId, oidc_access: access } = values;
  if (issuer === undefined && clientId === undefined && access === undefined) return undefined;
  const { oidc_client_secret_file: secretFile, oidc_cacert: caFile } = values;
  return {
    issuer: needed('oidc-issuer', issuer),
    clientId: needed('oidc-client-id', clientId),
    clientSecret:
      values.oidc_client_secret ??
      (secretFile === undefined ? undefined : readText(secretFile).trim()),
    rules: parseRules(needed('oidc-access', access)),
    claim: values.oidc_claim,
    scopes: values.oidc_scopes,
    audience: values.oidc_audience,
    callback: values.oidc_redirect_url,
    name: values.oidc_name ?? new URL(needed('oidc-issuer', issuer)).host,
    sessionHours: values.oidc_session_hours,
    ca: caFile === undefined ? undefined : readText(caFile),
  };
}

function needed(flag: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new AppError(
    'config.missing',
    `signing in with an OpenID provider needs --${flag} as well`,
  );
}

/** Without TLS somebody on the way could say who signs in. The issuer stays as it is written: tokens name it so. */
function parseIssuer(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw new Error('it is no address: write https://HOST');
  const isPrivate = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(text));
  if (!isPrivate) throw new Error('it must start with https:// (http:// on this host alone)');
  if (url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new Error('it must be an address without a user, "?" and "#"');
  }
  return text;
}

function parseCallback(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== callbackPath) {
    throw new Error(`it must be https://HOST${callbackPath}`);
  }
  return url.origin + callbackPath;
}
