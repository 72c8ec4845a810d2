// Saves a backup of all records: as it arrives, where the browser can do that.
import { save } from '../list/export.ts';
import { ApiError, type Session } from '../session.ts';

const path = '/api/backup';

/** The ways to a file: `own`, a download of the browser's; `chosen`, a file that the operator names; `memory`, read whole
 *  before it is saved. */
export type BackupWay = 'own' | 'chosen' | 'memory';

/** The browser's own download sends the cookie of a session, but no token. */
export function backupWayOf(session: Session): BackupWay {
  if (!session.hasToken) return 'own';
  return window.showSaveFilePicker === undefined ? 'memory' : 'chosen';
}

/** Resolves to false if no file was chosen. Errors: ApiError; `server.unreachable` for a backup that broke off, of which
 *  nothing is kept. */
export async function saveBackup(session: Session): Promise<boolean> {
  const way = backupWayOf(session);
  if (way === 'own') {
    // The browser's download tells no reason where it is refused.
    await session.request('/api/whoami');
    const link = document.createElement('a');
    link.href = path;
    link.download = '';
    link.click();
    return true;
  }
  // Asked for at once: browsers allow it only in the seconds after a click.
  const file = way === 'chosen' ? await chooseFile(session) : undefined;
  if (way === 'chosen' && file === undefined) return false;
  const response = await session.open(path);
  if (file === undefined)
    save(nameOf(response), 'application/x-ndjson', await whole(response.blob()));
  else await whole(writeTo(file, response));
  return true;
}

/** Undefined if the operator chose none. */
async function chooseFile(session: Session): Promise<FileSystemFileHandle | undefined> {
  const day = new Date(Date.now() - session.clockAheadMs).toISOString().slice(0, 10);
  try {
    return await window.showSaveFilePicker?.({ suggestedName: `dragonfly-${day}.backup` });
  } catch (err) {
    if (err instanceof DOMException && err.name === 'AbortError') return undefined;
    throw err;
  }
}

/** A file that was there stays as it was until all is written. */
async function writeTo(file: FileSystemFileHandle, { body }: Response): Promise<void> {
  try {
    await body?.pipeTo(await file.createWritable());
  } catch (err) {
    // The server sends one backup at a time, and would wait for a reader that never comes.
    if (body?.locked === false) await body.cancel();
    throw err;
  }
}

function nameOf(response: Response): string {
  const named = response.headers.get('content-disposition') ?? '';
  return /filename="([^"/]+)"/.exec(named)?.[1] ?? 'dragonfly.backup';
}

async function whole<T>(saved: Promise<T>): Promise<T> {
  try {
    return await saved;
  } catch (err) {
    // The disk of this computer, not the connection.
    if (err instanceof DOMException) throw err;
    throw new ApiError(
      0,
      'server.unreachable',
      'The backup broke off: the connection was lost, or the server could not read on. Its log says why.',
    );
  }
}
