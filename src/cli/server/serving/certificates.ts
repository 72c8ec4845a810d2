// The certificate that the server shows, from its files and as they are renewed.
import { unwatchFile, watchFile } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { AppError } from '../../../core/errors.ts';
import type { Log } from '../../../core/log.ts';
import type { TlsTexts } from '../../../server/http/connections.ts';
import type { App } from '../../../server/services.ts';
import { readText, type ServerConfiguration } from '../settings/server-settings.ts';

/** The interval at which certificate files are checked for changes. */
const certificatePollMs = 5000;

/** Errors: AppError `config.invalid`. */
export function tlsTexts({ values }: ServerConfiguration): TlsTexts | undefined {
  const { tls_cert: cert, tls_key: key, tls_client_ca: ca } = values;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new AppError('config.invalid', 'TLS needs both --tls-cert and --tls-key');
  }
  const texts = {
    cert: readText(cert),
    key: readText(key),
    ca: ca === undefined ? undefined : readText(ca),
  };
  try {
    createSecureContext(texts);
  } catch (cause) {
    throw new AppError(
      'config.invalid',
      `cannot use the certificate in ${cert} with the key in ${key}`,
      { cause },
    );
  }
  return texts;
}

/** Puts renewed certificates to use. Reports files that do not fit together and keeps the old ones. */
export function watchCertificates(
  app: App,
  configuration: ServerConfiguration,
  log: Log,
): () => void {
  const { tls_cert: cert, tls_key: key, tls_client_ca: ca } = configuration.values;
  const files = [cert, key, ca].filter((file) => file !== undefined);
  const reload = async (): Promise<void> => {
    try {
      const { renewTls } = await import('../../../server/http/connections.ts');
      const texts = tlsTexts(configuration);
      if (texts !== undefined) renewTls(app.server, texts);
      log.info({ files }, 'the certificate was read again');
    } catch (err) {
      log.error({ err, files }, 'the changed certificate cannot be used; the old one stays');
    }
  };
  const changed = (): void => void reload();
  for (const file of files)
    watchFile(file, { interval: certificatePollMs, persistent: false }, changed);
  return () => {
    for (const file of files) unwatchFile(file, changed);
  };
}
