// Reports that could not be delivered yet: kept in order, within bounds, delivered once.
import type { Problem } from '../model/problem.ts';
import type { WorkflowEvent } from '../model/api/agent.ts';
import { withoutLogSecrets } from '../core/text/credentials.ts';
import type { Notebook } from './boot.ts';

export type Report =
  | { readonly kind: 'event'; readonly workflowId: string; readonly event: WorkflowEvent }
  | { readonly kind: 'problem'; readonly problem: Problem };

export interface SpoolLimits {
  readonly entries: number;
  /** The limit on their size as JSON. */
  readonly bytes: number;
}

const defaultLimits: SpoolLimits = { entries: 1_000, bytes: 1024 * 1024 };

/** A queue that drops its oldest entries rather than exceed its limits, and counts them. */
export class Spool {
  readonly #limits: SpoolLimits;
  readonly #notebook: Notebook | undefined;
  #entries: { readonly report: Report; readonly bytes: number }[] = [];
  #bytes = 0;
  #dropped = 0;
  #saving: Promise<void> | undefined;
  #isStale = false;

  constructor(notebook?: Notebook, limits: SpoolLimits = defaultLimits) {
    this.#notebook = notebook;
    this.#limits = limits;
  }

  /** Opens the spool with whatever an earlier run of the agent left in the notebook. */
  static async open(notebook?: Notebook, limits?: SpoolLimits): Promise<Spool> {
    const spool = new Spool(notebook, limits);
    for (const report of parseNotes(await notebook?.read())) spool.#append(report);
    return spool;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** The number of entries dropped since the count was last reset. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Without what a name announces as a secret: programs print what they were given. */
  add(report: Report): void {
    this.#append(withoutSecrets(report));
    this.#save();
  }

  /** Returns the oldest entries, up to the first that `wanted` refuses. */
  head<T extends Report>(wanted: (report: Report) => report is T): readonly T[] {
    const head: T[] = [];
    for (const { report } of this.#entries) {
      if (!wanted(report)) break;
      head.push(report);
    }
    return head;
  }

  /** True if there is an entry of that kind anywhere. */
  holds(kind: Report['kind']): boolean {
    return this.#entries.some(({ report }) => report.kind === kind);
  }

  /** Removes delivered entries. Others may have been dropped meanwhile. */
  remove(delivered: readonly Report[]): void {
    const gone = new Set(delivered);
    this.#entries = this.#entries.filter((entry) => !gone.has(entry.report));
    this.#bytes = this.#entries.reduce((sum, entry) => sum + entry.bytes, 0);
    this.#save();
  }

  forgetDropped(count: number): void {
    this.#dropped -= count;
  }

  /** Resolves once the notebook is up to date. */
  async saved(): Promise<void> {
    await this.#saving;
  }

  #append(report: Report): void {
    const bytes = Buffer.byteLength(JSON.stringify(report));
    this.#entries.push({ report, bytes });
    this.#bytes += bytes;
    while (this.#entries.length > this.#limits.entries || this.#bytes > this.#limits.bytes) {
      this.#bytes -= this.#entries.shift()?.bytes ?? 0;
      this.#dropped += 1;
    }
  }

  /** Writes one at a time; changes made meanwhile go into the next write. */
  #save(): void {
    if (this.#notebook === undefined) return;
    this.#isStale = true;
    this.#saving ??= this.#write(this.#notebook).finally(() => {
      this.#saving = undefined;
    });
  }

  async #write(notebook: Notebook): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      // A full disk loses only what would have survived a restart of the agent.
      await notebook.write(JSON.stringify(this.#entries.map((e) => e.report))).catch(() => {});
    }
  }
}

function withoutSecrets(report: Report): Report {
  return JSON.parse(JSON.stringify(report), (_key, value: unknown) =>
    typeof value === 'string' ? withoutLogSecrets(value) : value,
  );
}

/** Reads what this project wrote itself, and ignores anything else. */
function parseNotes(text: string | undefined): readonly Report[] {
  try {
    const notes: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(notes) ? notes.filter(isReport) : [];
  } catch {
    return [];
  }
}

function isReport(note: unknown): note is Report {
  if (typeof note !== 'object' || note === null || !('kind' in note)) return false;
  return note.kind === 'event'
    ? 'workflowId' in note && typeof note.workflowId === 'string' && 'event' in note
    : note.kind === 'problem' && 'problem' in note;
}
