// Keeps what the agent did of a workflow within this boot over a restart of its process: nothing is done
// twice, what was under way goes on, and what failed is not tried again by itself.
import type { Bookmark } from '../../actions/action.ts';
import type { Notebook } from '../boot.ts';

export interface JournalEntry {
  /** So many actions, from the first one on, were finished. */
  readonly finished: number;
  /** The names of all actions of the workflow, as they were then. */
  readonly actions?: readonly string[];
  readonly hasFailed?: boolean;
  /** The notes of the first action that is not finished, on how far it is. */
  readonly bookmark?: Bookmark;
}

export interface Journal {
  /** Undefined for a workflow that this boot has done nothing of. */
  of(workflow: string): Promise<JournalEntry | undefined>;
  note(workflow: string, entry: JournalEntry): Promise<void>;
}

/** A journal in a notebook. One workflow at a time: a machine has no second one before the first has
 *  ended. Without a notebook it lasts as long as the process. */
export function openJournal(bootId: string, notebook: Notebook | undefined): Journal {
  let last: unknown;
  return {
    async of(workflow) {
      const text = await notebook?.read();
      const noted = notebook === undefined ? last : parse(text);
      if (typeof noted !== 'object' || noted === null) return undefined;
      const entry = { boot_id: '', workflow: '', finished: 0, has_failed: false, ...noted };
      if (entry.boot_id !== bootId || entry.workflow !== workflow) return undefined;
      const finished = Number.isSafeInteger(entry.finished) ? entry.finished : 0;
      const { actions: named, bookmark: marked }: Record<'actions' | 'bookmark', unknown> = {
        actions: undefined,
        bookmark: undefined,
        ...noted,
      };
      const bookmark = bookmarkOf(marked);
      const actions = Array.isArray(named) ? named.map(String) : undefined;
      return {
        finished,
        hasFailed: entry.has_failed,
        ...(actions === undefined ? {} : { actions }),
        ...(bookmark === undefined ? {} : { bookmark }),
      };
    },
    async note(workflow, { finished, actions, hasFailed = false, bookmark }) {
      last = { boot_id: bootId, workflow, finished, actions, has_failed: hasFailed, bookmark };
      await notebook?.write(JSON.stringify(last));
    },
  };
}

function bookmarkOf(marked: unknown): Bookmark | undefined {
  if (typeof marked !== 'object' || marked === null) return undefined;
  const entries: [string, unknown][] = Object.entries(marked);
  return Object.fromEntries(
    entries.filter(
      (entry): entry is [string, string | number | null] =>
        entry[1] === null || typeof entry[1] === 'string' || typeof entry[1] === 'number',
    ),
  );
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
