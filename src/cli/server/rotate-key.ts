// `dragonfly-server rotate-key`: makes a new key and encrypts all BMC passwords with it.
import { existsSync } from 'node:fs';
import { AppError } from '../../core/errors.ts';
import { writePrivate } from '../../core/private-file.ts';
import type { Machine } from '../../model/machine.ts';
import type { SecretBox } from '../../server/access/secrets.ts';
import type { Store } from '../../store/store.ts';
import { command } from '../command.ts';
import { readText, serverConfiguration, settingsOf, storeUrl } from './server-settings.ts';

export const rotateKey = command({
  name: 'rotate-key',
  describe: 'make a new key in --secret-key-file and encrypt all BMC passwords with it',
  settings: settingsOf(['data', 'store', 'secret_key_file']),
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
    // With a mistyped --data the old keys would go while secrets elsewhere still need them.
    const store = await openStore(storeUrl(configuration), { mustExist: old !== '' });
    try {
      // The new key must be on disk, beside the old ones, before anything is encrypted with it.
      writeKeys(file, key + old);
      const changed = await reseal(store, new Box(key + old));
      if (!args['keep-old']) writeKeys(file, key);
      io.stdout.write(`${file} has a new key; ${changed} passwords were encrypted with it\n`);
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

/** Returns the number of passwords encrypted anew. */
async function reseal(store: Store, box: SecretBox): Promise<number> {
  let changed = 0;
  for await (const { value, revision } of store.machines.all()) {
    const machine = resealed(value, box);
    if (machine === undefined) continue;
    await store.machines.put(machine, { revision });
    changed += 1;
  }
  return changed;
}

function resealed(machine: Machine, box: SecretBox): Machine | undefined {
  const { bmc } = machine.config;
  if (bmc === null || bmc.password_encrypted === '' || box.isCurrent(bmc.password_encrypted)) {
    return undefined;
  }
  const password_encrypted = box.seal(box.open(bmc.password_encrypted, machine.id), machine.id);
  return { ...machine, config: { ...machine.config, bmc: { ...bmc, password_encrypted } } };
}
