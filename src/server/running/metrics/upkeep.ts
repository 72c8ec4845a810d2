// Metrics that tell an operator in time what has to be renewed or made room for.
import { X509Certificate } from 'node:crypto';
import { Gauge, type Registry } from 'prom-client';

export interface Upkeep {
  readonly version: string;
  /** The certificate chain in use, PEM; undefined without TLS. */
  readonly certificate: () => string | undefined;
  /** When each token ends, in milliseconds since 1970. */
  readonly tokenExpiries: () => Promise<ReadonlyMap<string, number>>;
  /** The size of the store in bytes, where it is a file. */
  readonly storeBytes: (() => number | undefined) | undefined;
}

/** Adds these gauges to a registry. */
export function measureUpkeep(registry: Registry, upkeep: Upkeep): void {
  const registers = [registry];
  new Gauge({
    name: 'dragonfly_build_info',
    help: 'Always 1, with the version of the server',
    labelNames: ['version'],
    registers,
  }).set({ version: upkeep.version }, 1);
  const certificate = new Gauge({
    name: 'dragonfly_certificate_expiry_timestamp_seconds',
    help: 'The end of the certificate in use',
    labelNames: ['subject'],
    registers,
    collect() {
      certificate.reset();
      const pem = upkeep.certificate();
      if (pem === undefined) return;
      const { subject, validToDate } = new X509Certificate(pem);
      certificate.set({ subject: subject ?? '' }, validToDate.getTime() / 1000);
    },
  });
  const tokens = new Gauge({
    name: 'dragonfly_token_expiry_timestamp_seconds',
    help: 'The end of each token that has one',
    labelNames: ['name'],
    registers,
    async collect() {
      const ends = await upkeep.tokenExpiries();
      tokens.reset();
      for (const [name, ms] of ends) tokens.set({ name }, ms / 1000);
    },
  });
  const { storeBytes } = upkeep;
  if (storeBytes === undefined) return;
  const size = new Gauge({
    name: 'dragonfly_store_size_bytes',
    help: 'The size of the data file',
    registers,
    collect() {
      const bytes = storeBytes();
      if (bytes !== undefined) size.set(bytes);
    },
  });
}
