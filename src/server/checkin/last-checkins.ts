// The last check-ins that told nothing new. A machine that says the same again, while its record is the one that it was
// compared with, is the same machine and has told nothing new once more: neither has to be found out anew.
import type { Clock } from '../../core/clock.ts';
import { isSameJson } from '../../core/same-json.ts';
import { stringifyExact } from '../../core/text/exact-json.ts';
import { normalizeMac } from '../../identity/macs.ts';
import type { CheckinRequest } from '../../model/api/agent.ts';
import type { Machine } from '../../model/machine.ts';
import type { Store, Versioned } from '../../store/store.ts';
import type { Recognition } from './recognition.ts';

/** The room for all of them: a thousand of usual size. Units: characters of JSON. */
const mostChars = 8 * 1024 * 1024;
/** One that was not heard for this long gives way to others. Those that keep coming stay: otherwise, where many take
 *  turns, none would find its own. */
const idleMs = 900_000;

/** A recognition that needed no other machine than the one that it found. */
type Alone = Recognition & { readonly found: Versioned<Machine> };

interface Kept {
  readonly said: object;
  readonly recognition: Alone;
  readonly chars: number;
  usedMs: number;
}

export class LastCheckins {
  readonly #clock: Clock;
  readonly #mostChars: number;
  /** By primary MAC and the machine whose token it came with; the longest unused first. */
  readonly #kept = new Map<string, Kept>();
  readonly #names = new Map<string, string>();
  #chars = 0;
  /** Until then nobody gives way to somebody new: to find out once more would cost each check-in of a large fleet. */
  #fullUntilMs = 0;

  constructor(clock: Clock, most = mostChars) {
    this.#clock = clock;
    this.#mostChars = most;
  }

  /** The recognition of a check-in that says what the last one said, where what it depends on is in the store as it was;
   *  undefined: it has to be recognised. `caller`: the machine whose own token it came with. Errors: AppError `store.*`. */
  async recall(
    store: Store,
    request: CheckinRequest,
    caller: string | undefined,
  ): Promise<Recognition | undefined> {
    const name = nameOf(request, caller);
    const kept = this.#kept.get(name);
    if (kept === undefined || !isSameJson(kept.said, said(request))) return undefined;
    const { recognition } = kept;
    const { identityHash } = recognition.shown;
    if (!(await store.machines.isStill(recognition.found, { identityHash }))) return undefined;
    // Meanwhile its record may have been written, and others have come.
    if (this.#kept.get(name) !== kept) return undefined;
    kept.usedMs = this.#clock.elapsedMs();
    this.#kept.delete(name);
    this.#kept.set(name, kept);
    const shown = { ...recognition.shown, sequence: request.sequence ?? null };
    return { ...recognition, shown, request, tellsNothingNew: true };
  }

  /** Keeps a check-in that told nothing new of the machine that it was recognised as. */
  keep(recognition: Recognition): void {
    const { request, caller, found } = recognition;
    if (found === undefined || !dependsOnNothingElse(recognition, found.value)) return;
    const name = nameOf(request, caller);
    const usedMs = this.#clock.elapsedMs();
    if (usedMs < this.#fullUntilMs && !this.#kept.has(name)) return;
    this.#drop(name);
    const contents = said(request);
    const chars = stringifyExact([contents, found.value]).length;
    if (!this.#makeRoom(chars, usedMs)) return;
    // Others are given what is kept, and must not change it.
    freeze(contents);
    freeze(found.value);
    this.#kept.set(name, { said: contents, recognition: { ...recognition, found }, chars, usedMs });
    this.#names.set(found.value.id, name);
    this.#chars += chars;
  }

  /** The record `before` was replaced by one that says the same of the machine, and when it was seen. */
  seen(before: Versioned<Machine>, after: Versioned<Machine>): void {
    const name = this.#names.get(before.value.id) ?? '';
    const kept = this.#kept.get(name);
    if (kept === undefined || kept.recognition.found.revision !== before.revision) return;
    freeze(after.value);
    this.#kept.set(name, { ...kept, recognition: { ...kept.recognition, found: after } });
  }

  /** Anything may have changed. */
  forget(): void {
    this.#kept.clear();
    this.#names.clear();
    this.#chars = 0;
    this.#fullUntilMs = 0;
  }

  /** False where those that are there have to stay. */
  #makeRoom(chars: number, nowMs: number): boolean {
    for (const [name, { usedMs }] of this.#kept) {
      if (this.#chars + chars <= this.#mostChars) return true;
      if (nowMs - usedMs < idleMs) {
        this.#fullUntilMs = usedMs + idleMs;
        return false;
      }
      this.#drop(name);
    }
    return chars <= this.#mostChars;
  }

  #drop(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#kept.delete(name);
    this.#chars -= kept.chars;
    const { id } = kept.recognition.found.value;
    if (this.#names.get(id) === name) this.#names.delete(id);
  }
}

/** The contents of a check-in, without what differs from one to the next and decides nothing of either. */
function said({ sequence: _number, uptime_seconds: _uptime, ...rest }: CheckinRequest): object {
  return rest;
}

/** True if the same check-in of the same record is recognised alike, whatever else is in the store, as long as nobody else
 *  gets the identity hash. Its number decides nothing either: having told nothing new, it is of the boot in the record. */
function dependsOnNothingElse({ resolution }: Recognition, machine: Machine): boolean {
  const { matchedBy, machineId, doubt } = resolution;
  return matchedBy === 'identity_hash' && machineId === machine.id && doubt === undefined;
}

function nameOf({ mac }: CheckinRequest, caller: string | undefined): string {
  return `${normalizeMac(mac) ?? mac} ${caller ?? ''}`;
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}
