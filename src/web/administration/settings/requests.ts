// The API operations on settings. Each of them throws ApiError.
import type {
  Setting,
  SettingList,
  SettingValue,
} from '../../../model/api/administration/settings.ts';
import type { Session } from '../../session.ts';

const path = (key: string): string => `/api/settings/${encodeURIComponent(key)}`;

export async function readSettings(session: Session): Promise<SettingList> {
  const address = '/api/settings?limit=1000';
  return (await session.request<SettingList>(address)).body;
}

/** Errors: `request.invalid` for a value that the server cannot use. */
export async function putSetting(
  session: Session,
  key: string,
  value: SettingValue,
): Promise<void> {
  await session.request<Setting>(path(key), { method: 'PUT', body: value });
}

export async function deleteSetting(session: Session, key: string): Promise<void> {
  await session.request(path(key), { method: 'DELETE' });
}
