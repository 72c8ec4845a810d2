// Writes of machines that nobody needs to hear of, such as when they were last heard. A change of the same machine by
// somebody else at that moment is told all the same.
import type { StoreChange } from '../../store/store.ts';

export class QuietWrites {
  /** Changes that the watch brings of a machine while it is written. */
  readonly #heard = new Map<string, StoreChange[]>();

  /** Takes a change of a machine that is being written: true if `run` tells it later, if at all. */
  takes(change: StoreChange): boolean {
    const heard = this.#heard.get(change.id ?? '');
    heard?.push(change);
    return heard !== undefined;
  }

  /** Writes a machine once. Whatever the watch brought of it beside that one write goes to `tell`, once.
   *  Errors: those of `write`. */
  async run(
    machineId: string,
    write: () => Promise<unknown>,
    tell: (change: StoreChange) => void,
  ): Promise<void> {
    const heard: StoreChange[] = [];
    this.#heard.set(machineId, heard);
    let own = 0;
    try {
      await write();
      own = 1;
    } finally {
      this.#heard.delete(machineId);
      const last = heard.slice(own).at(-1);
      if (last !== undefined) tell(last);
    }
  }
}
