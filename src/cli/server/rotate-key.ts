// `dragonfly-server rotate-key`: makes a new key and encrypts all BMC passwords and secrets of webhooks with it.
import { existsSync } from 'node:fs';
import { AppError } from '../../core/errors.ts';
import { writePrivate } from '../../core/files/private-file.ts';
import type { SecretBox } from '../../server/access/secrets.ts';
import type { Store } from '../../store/store.ts';
import { command } from '../command.ts';
import {
  readText,
  serverConfiguration,
  settingsOf,
  storeAccess,
  storeSettingNames,
  storeUrl,
} from './settings/server-settings.ts';

export const rotateKey = command({
  name: 'rotate-key',
  describe:
    'make a new key in --secret-key-file and encrypt all BMC passwords and secrets of webhooks with it',
  examples: ['rotate-key --keep-old'],
  settings: settingsOf([...storeSettingNames, 'secret_key_file']),
  options: {
    'keep-old': { type: 'boolean', describe: 'keep the old keys in the file, for old backups' },
  },
  async run(args, io) {
    const configuration = await serverConfiguration(args, io);
    const file = configuration.values.secret_key_file;
    if (file === undefined) {
      throw new AppError('config.missing', 'name the key file with --secret-key-file');
    }
    const { SecretBox: Box, newKeyLine } = await import('../../server/access/secrets.ts');
    const { openStore } = await import('../../store/open.ts');
    const old = existsSync(file) ? readText(file) : '';
    const key = `${newKeyLine()}\n`;
    // With a mistyped --data the old keys would be lost while secrets elsewhere still need them.
    const store = await openStore(storeUrl(configuration), {
      mustExist: old !== '',
      ...storeAccess(configuration),
      signal: io.signal,
    });
    try {
      // The new key must be on disk, beside the old ones, before anything is encrypted with it.
      writeKeys(file, key + old);
      const box = new Box(key + old);
      const { changed, foreign } = await reseal(store, box);
      const webhooks = await resealWebhooks(store, box, new Date());
      if (!args['keep-old']) writeKeys(file, key);
      const secrets = webhooks > 0 ? ` and the secrets of ${webhooks} webhooks` : '';
      io.stdout.write(
        `${file} has a new key; ${changed} passwords${secrets} were encrypted with it\n`,
      );
      if (foreign > 0) {
        io.stdout.write(
          `${foreign} passwords were encrypted by another program and stay as they are: set them anew\n`,
        );
      }
    } finally {
      await store.close();
    }
    return 0;
  },
});

/** Replaces the file atomically; only its owner may read it. */
function writeKeys(file: string, keys: string): void {
  try {
    writePrivate(file, keys);
  } catch (cause) {
    throw new AppError('config.invalid', `cannot write ${file}`, { cause });
  }
}

/** Returns the number of passwords encrypted anew, and of those that only another program can read. */
async function reseal(store: Store, box: SecretBox): Promise<{ changed: number; foreign: number }> {
  let changed = 0;
  let foreign = 0;
  for await (const { value: machine, revision } of store.machines.all()) {
    const { bmc } = machine.config;
    const sealed = bmc?.password_encrypted ?? '';
    if (bmc === null || sealed === '' || box.isCurrent(sealed)) continue;
    if (!box.isOurs(sealed)) {
      foreign += 1;
      continue;
    }
    const password_encrypted = box.seal(box.open(sealed, machine.id), machine.id);
    const config = { ...machine.config, bmc: { ...bmc, password_encrypted } };
    await store.machines.put({ ...machine, config }, { revision });
    changed += 1;
  }
  return { changed, foreign };
}

/** Returns the number of webhooks whose secrets were encrypted anew, or for the first time. */
async function resealWebhooks(store: Store, box: SecretBox, now: Date): Promise<number> {
  const { resealed } = await import('../../server/webhooks/secrets.ts');
  let changed = 0;
  for await (const { value, revision } of store.webhooks.all()) {
    const isCurrent = (kept: string): boolean => box.isOurs(kept) && box.isCurrent(kept);
    const webhook = resealed(value, box, isCurrent, now);
    if (webhook === undefined) continue;
    await store.webhooks.put(webhook, { revision });
    changed += 1;
  }
  return changed;
}
