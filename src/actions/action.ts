// The shape of a workflow action, and what it is given to work with.
import type { Static } from 'typebox';
import type { Disk } from '../model/hardware/disk.ts';
import type { templateActions } from '../model/documents/template.ts';
import type { Host, RunOptions } from '../sources/writing/host.ts';
import type { Where } from './disk/system.ts';
import type { WantedDisk } from './disk/target.ts';
import type { Ask } from './image/fetching/answer.ts';

export type ActionName = keyof typeof templateActions;

/** The fields of an action as templates have them. */
export type Fields<Name extends ActionName> = Static<(typeof templateActions)[Name]>;

/** Units: bytes, seconds. */
export interface Progress {
  /** 0–100. */
  readonly percent?: number;
  readonly message?: string;
  readonly bytes_transferred?: number;
  readonly bytes_total?: number;
  readonly eta_secs?: number;
}

/** Notes of an action on how far it is, for a run that goes on with it. */
export type Bookmark = Readonly<Record<string, string | number | null>>;

/** The outcome of an action that succeeded. */
export interface ActionReport {
  /** A sentence for people. */
  readonly message: string;
  readonly details?: Readonly<Record<string, string | number | boolean | null>>;
  /** Leaves this boot; done when everything is reported. */
  readonly leave?: () => Promise<void>;
}

export interface ActionContext {
  readonly host: Host;
  readonly ask: Ask;
  readonly random: () => number;
  /** Aborted when the action is to stop: it then ends its programs and leaves no half-written disk that
   *  boots. */
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  /** Takes a line of what programs print, and of what is worth knowing afterwards. */
  readonly note: (line: string) => void;
  /** The last one of a run that ended with the agent's process, in this boot; undefined for the first run. */
  readonly bookmark?: Bookmark | undefined;
  /** Replaces the bookmark. Never fails: without it a later run begins anew. */
  readonly setBookmark?: ((bookmark: Bookmark) => Promise<void>) | undefined;
  /** The disk that this workflow is about. Errors: AppError `disk.mismatch`. */
  readonly disk: (wanted?: WantedDisk) => Promise<Disk>;
  /** The same, where it is known already. */
  readonly knownDisk: () => Promise<Disk | undefined>;
  /** The system that programs run in. */
  readonly system: ChosenSystem;
  /** URL of the server; undefined where there is none. */
  readonly server: string | undefined;
}

/** The system on the disk that a chroot action chose for those after it. */
export interface ChosenSystem {
  /** Errors: AppError `action.failed` after a restart of the agent, where several were to be chosen. */
  where(): Where;
  /** Undefined ends a choice. */
  choose(where: Where | undefined): void;
}

/** For what is to be done however the action ends. */
export const toTheEnd: RunOptions = { signal: new AbortController().signal };

export interface Action<Name extends ActionName> {
  /** Errors: AppError `action.invalid`; asked of all actions before the first one runs. */
  readonly check?: (fields: Fields<Name>) => void;
  /** Errors: AppError. */
  readonly run: (fields: Fields<Name>, context: ActionContext) => Promise<ActionReport>;
}
