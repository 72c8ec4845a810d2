// Findings about the server: reachable, trusted, a Dragonfly server, in agreement about the time. Every
// answer comes from a real connection; no credential is sent.
import type { X509Certificate } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Identity } from '../model/inventory.ts';
import { distrust } from '../transport/certificates.ts';
import { addressesOf, bare, isAddress } from '../transport/names.ts';
import { inTime, withDeadline } from '../core/deadline.ts';
import { ask, codeOf, type Answer } from './ask-server.ts';
import { cloneFindings } from './clone-findings.ts';
import { fail, pass, warn, type Finding } from './finding.ts';

export interface ServerOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The time allowed for resolving the name, and again for the answer. */
  readonly timeoutMs: number;
  /** The pinned CA, if there is one. */
  readonly caSha256?: string | undefined;
  /** The port of this host that leads to the server, for a link-local address. */
  readonly zone?: string | undefined;
  /** This machine, to tell it apart from others that the server knows. */
  readonly identity?: Identity | undefined;
}

const maxSkewMs = 30_000;
const dayMs = 24 * 3_600_000;

/** Examines the way from this host to the server at `url`. Errors: the signal's reason only. */
export async function serverFindings(url: URL, options: ServerOptions): Promise<Finding[]> {
  if (options.caSha256 !== undefined && url.protocol !== 'https:') return [unpinned(url)];
  const host = bare(url.hostname);
  const names = isAddress(host) ? [] : [await nameFinding(host, options)];
  if (names.some((finding) => finding.verdict === 'fail')) return names;
  try {
    const { clock, timeoutMs, signal, zone } = options;
    const health = new URL('/api/health', url);
    const answer = await withDeadline(clock, timeoutMs, signal, (limit) =>
      ask(health, limit, zone),
    );
    const findings = [...names, ...answerFindings(url, host, answer, options)];
    const isGood = findings.every(({ verdict }) => verdict !== 'fail');
    const clones =
      isGood && options.identity ? await cloneFindings(url, options.identity, options) : [];
    return [...findings, ...clones];
  } catch (err) {
    options.signal.throwIfAborted();
    return [...names, connectionFinding(url, err)];
  }
}

/** The agent does not speak to such a server, and neither does doctor. */
function unpinned(url: URL): Finding {
  return fail(
    'certificate',
    `a CA is pinned, and ${url.origin} would show no certificate: the agent does not ask it`,
    'name the server by its https address, or take dragonfly.ca_sha256 away',
  );
}

async function nameFinding(
  host: string,
  { clock, timeoutMs, signal }: ServerOptions,
): Promise<Finding> {
  const next = 'check the name, and the name servers in /etc/resolv.conf';
  try {
    const late = (): Error => new Error('timed out');
    const addresses = await inTime(addressesOf(host), clock, timeoutMs, late, signal);
    return pass('DNS', `${host} is ${addresses.join(', ')}`);
  } catch (err) {
    signal.throwIfAborted();
    return fail('DNS', `${host} has no address (${codeOf(err)})`, next);
  }
}

function answerFindings(url: URL, host: string, answer: Answer, options: ServerOptions): Finding[] {
  return [
    ...(answer.tls === undefined ? [] : [certificateFinding(host, answer.tls, options)]),
    healthFinding(url, answer),
    ...clockFindings(answer, options),
  ];
}

function certificateFinding(
  host: string,
  { error, chain }: NonNullable<Answer['tls']>,
  { clock, caSha256 }: ServerOptions,
): Finding {
  const check = 'certificate';
  const now = clock.now();
  const [own] = chain;
  if (own === undefined) return fail(check, 'the server sent none', 'check its TLS configuration');
  const wrongTime = timeFinding(own, now);
  if (wrongTime !== undefined) return wrongTime;
  if (caSha256 !== undefined) {
    const refusal = distrust(chain, caSha256, host, now);
    if (refusal === undefined)
      return pass(check, `valid until ${day(own.validToDate)}, from the pinned CA`);
    return fail(
      check,
      `it ${refusal.reason}`,
      'compare dragonfly.ca_sha256 with what the server sends',
    );
  }
  if (error !== undefined)
    return fail(check, certificateError(error, own), nextForCertificate(error));
  const daysLeft = (own.validToDate.getTime() - now.getTime()) / dayMs;
  return daysLeft < 14
    ? warn(check, `it expires on ${day(own.validToDate)}`, 'renew it')
    : pass(check, `valid until ${day(own.validToDate)}`);
}

function timeFinding(own: X509Certificate, now: Date): Finding | undefined {
  const here = `this machine's clock says ${now.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  if (now > own.validToDate) {
    const text = `it expired on ${day(own.validToDate)}; ${here}`;
    return fail('certificate', text, 'renew it, or set the clock of this machine if that is wrong');
  }
  if (now < own.validFromDate) {
    const text = `it is not valid before ${day(own.validFromDate)}; ${here}`;
    return fail(
      'certificate',
      text,
      'set the clock of this machine: it is behind (a flat battery?)',
    );
  }
  return undefined;
}

function certificateError(error: string, own: X509Certificate): string {
  if (error === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `it is for ${own.subjectAltName ?? own.subject}`;
  return /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(error)
    ? `no CA that this machine trusts has signed it (${error})`
    : `it is not accepted (${error})`;
}

function nextForCertificate(error: string): string {
  return error === 'ERR_TLS_CERT_ALTNAME_INVALID'
    ? 'use a name that the certificate holds, or reissue it for this name'
    : 'give its CA with --ca-sha256, dragonfly.ca_sha256= or NODE_EXTRA_CA_CERTS';
}

function healthFinding(url: URL, { status, body }: Answer): Finding {
  const path = `${url.origin}/api/health`;
  if (status === 200 && isJson(body)) return pass('server', `${url.origin} answers`);
  if (status >= 500) {
    return fail('server', `${path} answers ${status}`, 'the server is failing: check its log');
  }
  return fail(
    'server',
    `${path} answers ${status}, but not as a Dragonfly server would`,
    'check host and port of the URL, and whether a proxy or portal answers instead',
  );
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

/** Source: RFC 9110 section 6.6.1 (Date), in whole seconds. */
function clockFindings({ headers }: Answer, { clock }: ServerOptions): Finding[] {
  const serverMs = Date.parse(headers.date ?? '');
  if (Number.isNaN(serverMs)) return [];
  const skewMs = clock.now().getTime() - serverMs;
  const text = `${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs < 0 ? 'behind' : 'ahead of'} the server's`;
  return [
    Math.abs(skewMs) > maxSkewMs
      ? fail(
          'clock',
          `this machine's is ${text}`,
          'set it, and let NTP keep it: certificates and logs depend on it',
        )
      : pass('clock', `this machine's is ${text}`),
  ];
}

const reasons: Readonly<Record<string, readonly [string, string]>> = {
  ECONNREFUSED: ['nothing listens there', 'start the server, or check host and port'],
  EHOSTUNREACH: ['the host cannot be reached', 'check the VLAN, the cable and the address'],
  ENETUNREACH: ['there is no route to it', 'check the default route'],
  ECONNRESET: [
    'the connection is reset at once',
    'check firewalls, and whether the server speaks TLS',
  ],
  ERR_SSL_WRONG_VERSION_NUMBER: [
    'it does not speak TLS',
    'use http:// in the URL, or another port',
  ],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: [
    'it does not speak TLS',
    'use http:// in the URL, or another port',
  ],
  HPE_INVALID_CONSTANT: ['it does not speak HTTP', 'use https:// in the URL, or another port'],
  EPROTO: [
    'it does not speak TLS, or no version that this agent supports',
    'use http:// in the URL, or another port',
  ],
};

function connectionFinding(url: URL, err: unknown): Finding {
  const code = codeOf(err);
  const [why, next] = reasons[code] ?? [
    `no answer (${code})`,
    'check host and port, and whether a firewall drops packets on the way',
  ];
  return fail('server', `${url.origin}: ${why}`, next);
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
