// Opens the store for commands that work on it without a server.
import type { Kv, OpenOptions } from '../../../store/kv/kv.ts';
import type { Args, Io } from '../../command.ts';
import {
  serverConfiguration,
  settingsOf,
  storeAccess,
  storeSettingNames,
  storeUrl,
} from './server-settings.ts';

export const storeSettings = settingsOf(storeSettingNames);

export async function openStoreOf(args: Args, io: Io, options: OpenOptions): Promise<Kv> {
  const { openKv } = await import('../../../store/open.ts');
  const configuration = await serverConfiguration(args, io);
  const { signal } = io;
  return openKv(storeUrl(configuration), { ...options, ...storeAccess(configuration), signal });
}
