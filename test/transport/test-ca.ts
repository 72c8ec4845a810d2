// A certificate authority for tests, made by the openssl command, which is the one tool at hand that can
// date a certificate into the past or the future.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True if the tests that need certificates can run. */
export const hasOpenssl = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
})();

const config = `
[ca]
default_ca = test
[test]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[v3_ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
`;

export interface Issued {
  /** The server's certificate, then the CA's. */
  readonly cert: string;
  readonly key: string;
}

export class TestCa {
  readonly #dir = mkdtempSync(join(tmpdir(), 'ca-'));
  #count = 0;

  constructor() {
    writeFileSync(join(this.#dir, 'ca.conf'), config);
    writeFileSync(join(this.#dir, 'index.txt'), '');
    writeFileSync(join(this.#dir, 'serial'), '01\n');
    this.#newKey('ca');
    this.#sign('ca', 'v3_ca', '/CN=Test CA', new Date('2000-01-01'), new Date('2099-01-01'));
  }

  /** Its certificate. */
  get pem(): string {
    return readFileSync(join(this.#dir, 'ca.pem'), 'utf8');
  }

  get sha256(): string {
    return new X509Certificate(this.pem).fingerprint256.replaceAll(':', '').toLowerCase();
  }

  /** A server's certificate for these names (`IP:127.0.0.1`, `DNS:…`), valid between two days. */
  issue(names: string, from: string, to: string, usage = 'serverAuth'): Issued {
    this.#count += 1;
    const name = `server${this.#count}`;
    this.#newKey(name);
    writeFileSync(
      join(this.#dir, 'ca.conf'),
      `${config}[${name}]\nsubjectAltName = ${names}\nextendedKeyUsage = ${usage}\n`,
    );
    this.#sign(name, name, `/CN=${name}`, new Date(from), new Date(to));
    const own = readFileSync(join(this.#dir, `${name}.pem`), 'utf8');
    return { cert: own + this.pem, key: readFileSync(join(this.#dir, `${name}.key`), 'utf8') };
  }

  remove(): void {
    rmSync(this.#dir, { recursive: true });
  }

  #newKey(name: string): void {
    const curve = 'ec_paramgen_curve:prime256v1';
    this.#openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', curve, '-out', `${name}.key`);
  }

  #sign(name: string, extensions: string, subject: string, from: Date, to: Date): void {
    const request = ['-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`];
    this.#openssl('req', '-config', 'ca.conf', ...request);
    const issuer = name === 'ca' ? ['-selfsign'] : ['-cert', 'ca.pem'];
    const dates = ['-startdate', stamp(from), '-enddate', stamp(to)];
    const files = ['-keyfile', 'ca.key', '-in', `${name}.csr`, '-out', `${name}.pem`, '-notext'];
    const options = ['-config', 'ca.conf', '-batch', '-extensions', extensions];
    this.#openssl('ca', ...options, ...issuer, ...dates, ...files);
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.#dir, stdio: 'pipe' });
  }
}

/** As openssl wants it: YYYYMMDDHHMMSSZ. */
function stamp(date: Date): string {
  return `${date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
}
