// Takes the chain of certificates from a connection and verifies it up to the pinned CA at a given time.
// OpenSSL uses only the system clock, which is years off on a machine with an empty battery.
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { bare, isAddress } from './names.ts';

const serverAuth = '1.3.6.1.5.5.7.3.1';

export interface Distrust {
  /** Completes the sentence "its certificate …". */
  readonly reason: string;
  /** True if the chain would be valid at another time. */
  readonly isAboutTime: boolean;
}

/** The server's certificate and those above it, as far as it sent them. */
export function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined && chain.length < 16) {
    chain.push(new X509Certificate(certificate.raw));
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

/** Says why the server must not be trusted at `at`; undefined if it may. `sent` is the chain it sent, its
 *  own certificate first. `sha256` is that of the pinned one; certificates above it do not matter.
 *  Source: RFC 5280 section 6.1, the checks that apply below one private CA. */
export function distrust(
  sent: readonly X509Certificate[],
  sha256: string,
  host: string,
  at: Date,
): Distrust | undefined {
  const end = sent.findIndex((c) => c.fingerprint256.replaceAll(':', '').toLowerCase() === sha256);
  const chain = sent.slice(0, end + 1);
  const reason = flaw(chain, host);
  if (reason !== undefined) return { reason, isAboutTime: false };
  const late = chain.map((c) => outsideOfTime(c, at)).find((r) => r !== undefined);
  return late === undefined ? undefined : { reason: late, isAboutTime: true };
}

/** Finds faults that no clock can fix in a chain from the server's certificate to the pinned one. */
function flaw(chain: readonly X509Certificate[], host: string): string | undefined {
  const [own] = chain;
  if (own === undefined) return 'does not lead to the pinned CA';
  if (!isFor(own, host)) return `is not for ${host}`;
  // Undefined without that extension, although its type does not say so.
  const usage: readonly string[] | undefined = own.keyUsage;
  if (usage !== undefined && !usage.includes(serverAuth)) return 'is not for a server';
  const isLinked = chain.every((c, i) => {
    const issuer = chain[i + 1];
    return issuer === undefined || isIssuedBy(c, issuer);
  });
  return isLinked ? undefined : 'was not issued by the CA that it names';
}

function isFor(certificate: X509Certificate, host: string): boolean {
  const name = bare(host);
  return (isAddress(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function outsideOfTime(certificate: X509Certificate, at: Date): string | undefined {
  const { validFromDate, validToDate } = certificate;
  if (at < validFromDate) return `is not valid before ${day(validFromDate)}; here it is ${day(at)}`;
  if (at > validToDate) return `expired on ${day(validToDate)}; here it is ${day(at)}`;
  return undefined;
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
