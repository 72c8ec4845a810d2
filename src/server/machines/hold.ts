// Operators keep machines in the agent, whatever is on their disks: all of them, those with a tag, or one.
import type { Machine } from '../../model/machine.ts';
import type { Store } from '../../store/store.ts';

export const holdSetting = 'boot.hold';

/** The settings `boot.hold`, `boot.hold.tag.TAG` and `boot.hold.machine.ID`: "true" holds, anything else
 *  lets go. The machine's own counts before its tags', one of these before the default. */
export async function isHeld(store: Store, { id, config }: Machine): Promise<boolean> {
  const own = await store.settings.get(`${holdSetting}.machine.${id}`);
  if (own !== undefined) return own.value.value === 'true';
  const byTag = await Promise.all(
    config.tags.map((tag) => store.settings.get(`${holdSetting}.tag.${tag}`)),
  );
  const told = byTag.filter((setting) => setting !== undefined);
  if (told.length > 0) return told.some((setting) => setting.value.value === 'true');
  return (await store.settings.get(holdSetting))?.value.value === 'true';
}
