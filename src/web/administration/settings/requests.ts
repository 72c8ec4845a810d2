// The API operations on settings. Each of them throws ApiError.
import type {
  Setting,
  SettingList,
  SettingValue,
} from '../../../model/api/administration/settings.ts';
import { ApiError, type Answer, type Session } from '../../session.ts';

const path = (key: string): string => `/api/settings/${encodeURIComponent(key)}`;

/** All of them. */
export async function readSettings(
  session: Session,
): Promise<Required<Pick<SettingList, 'settings' | 'damaged'>>> {
  const settings: Setting[] = [];
  const damaged: NonNullable<SettingList['damaged']> = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query = new URLSearchParams({ limit: '1000', ...(cursor === '' ? {} : { cursor }) });
    const address = `/api/settings?${query.toString()}`;
    const { body }: Answer<SettingList> = await session.request<SettingList>(address);
    settings.push(...body.settings);
    damaged.push(...(body.damaged ?? []));
    cursor = body.next_cursor;
  }
  return { settings, damaged };
}

/** Errors: `setting.unknown`. */
export function readSetting(session: Session, key: string): Promise<Answer<Setting>> {
  return session.request(path(key));
}

/** Replaces the setting that has this `etag`; undefined: there is none yet. Errors: `request.stale`, `request.invalid`
 *  for a value that the server cannot use. */
export async function putSetting(
  session: Session,
  key: string,
  value: SettingValue,
  etag: string | undefined,
): Promise<void> {
  const condition = etag === undefined ? { headers: { 'if-none-match': '*' } } : { ifMatch: etag };
  try {
    await session.request<Setting>(path(key), { method: 'PUT', body: value, ...condition });
  } catch (err) {
    const isThere = err instanceof ApiError && err.code === 'request.stale' && etag === undefined;
    if (!isThere) throw err;
    const { status, code, details } = err;
    const says = `There is a setting ${key} already: set it where the list has it.`;
    throw new ApiError(status, code, says, details);
  }
}

/** Errors: `request.stale` if the setting no longer has this `etag`. */
export async function deleteSetting(
  session: Session,
  key: string,
  etag: string | undefined,
): Promise<void> {
  await session.request(path(key), { method: 'DELETE', ifMatch: etag });
}
