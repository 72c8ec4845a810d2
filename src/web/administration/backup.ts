// The backup of all records as the server gives it out, read whole before it is saved.
import { ApiError, type Session } from '../session.ts';

export interface Backup {
  readonly name: string;
  readonly content: Blob;
}

/** Errors: ApiError; `server.unreachable` for a backup that broke off, of which nothing is kept. */
export async function readBackup(session: Session): Promise<Backup> {
  const response = await session.open('/api/backup');
  const named = response.headers.get('content-disposition') ?? '';
  const [, name = 'dragonfly.backup'] = /filename="([^"/]+)"/.exec(named) ?? [];
  try {
    return { name, content: await response.blob() };
  } catch {
    throw new ApiError(
      0,
      'server.unreachable',
      'The backup broke off: the connection was lost, or the server could not read on. Its log says why.',
    );
  }
}
