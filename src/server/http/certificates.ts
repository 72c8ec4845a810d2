// The certificates that a server shows, as machines come to trust them.
import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';

/** The last certificate of a chain, PEM: the CA, where servers send it, or what they are known by. "" without
 *  any. */
export function lastCertificate(pem: string): string {
  const all = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g);
  return all === null ? '' : `${all.at(-1)}\n`;
}

/** The SHA-256 of a chain's CA, for agents to pin, in lower-case hex; undefined if a public CA vouches for the chain,
 *  because a renewed chain may end in another one. */
export function pinFor(
  pem: string,
  publicRoots: readonly string[] = rootCertificates,
): string | undefined {
  const last = lastCertificate(pem);
  if (last === '') return undefined;
  const certificate = new X509Certificate(last);
  const isRoot = certificate.checkIssued(certificate);
  if (!isRoot && publicRoots.some((root) => hasIssued(root, certificate))) return undefined;
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

function hasIssued(rootPem: string, certificate: X509Certificate): boolean {
  const root = new X509Certificate(rootPem);
  return certificate.checkIssued(root) && certificate.verify(root.publicKey);
}
