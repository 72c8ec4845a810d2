// The remote shell of the netboot image, as the server's answers want it: open to some public keys, or shut. It changes
// beside all else, one change at a time.
import { describeError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Problem } from '../../model/problem.ts';
import type { RemoteShell as OpenShell } from '../../model/remote-shell.ts';
import type { Root } from '../../sources/root.ts';
import { classifyFailure } from '../../transport/failure.ts';

/** There as soon as a shell was opened in this boot, by this process or one before it. */
const folder = '/run/dragonfly/ssh';

export interface RemoteShellOptions {
  readonly root: Root;
  readonly log: Log;
  /** Undefined, or why this agent opens no shell. */
  readonly refusal: () => Promise<string | undefined>;
  /** Opens it to these keys, in place of all others. */
  readonly open: (keys: readonly string[]) => Promise<OpenShell>;
  /** Shuts it, and ends its sessions. */
  readonly shut: () => Promise<void>;
}

export class RemoteShell {
  readonly #o: RemoteShellOptions;
  #wanted: readonly string[] = [];
  /** The keys that it was last opened to, joined; undefined where that is not known: a former process may have opened it,
   *  or a change that failed. */
  #done: string | undefined;
  #isChanging = false;
  #shown: OpenShell | undefined;
  #problem: string | undefined;

  constructor(options: RemoteShellOptions) {
    this.#o = options;
  }

  /** The shell that is open now. */
  get shown(): OpenShell | undefined {
    return this.#shown;
  }

  /** Opens it to these keys alone, or shuts it where there are none. What fails is tried again at the next answer. */
  want(keys: readonly string[], tell: (problem: Problem) => void): void {
    this.#wanted = keys;
    if (!this.#isChanging) void this.#follow(tell);
  }

  async #follow(tell: (problem: Problem) => void): Promise<void> {
    this.#isChanging = true;
    let keys = this.#wanted;
    try {
      while (this.#done !== this.#wanted.join()) {
        keys = this.#wanted;
        await this.#changeTo(keys, tell);
        this.#done = keys.join();
      }
      this.#problem = undefined;
    } catch (err) {
      // The keys before these may still count, or these: whatever is wanted next is a change.
      this.#shown = undefined;
      this.#done = undefined;
      const { error } = classifyFailure(err);
      const what = keys.length === 0 ? 'shut' : 'open';
      this.#tell(tell, error.code, `cannot ${what} the remote shell: ${describeError(err)}`);
    } finally {
      this.#isChanging = false;
    }
  }

  async #changeTo(keys: readonly string[], tell: (problem: Problem) => void): Promise<void> {
    const { root, log, refusal, open, shut } = this.#o;
    if (keys.length === 0) {
      this.#shown = undefined;
      if ((await root.list(folder)) === undefined) return;
      await shut();
      log.info({}, 'remote shell shut');
      return;
    }
    const why = await refusal();
    if (why !== undefined) {
      this.#tell(tell, 'action.refused', `no remote shell is opened: ${why}`);
      return;
    }
    this.#shown = await open(keys);
    log.info({ keys: keys.length, hostKey: this.#shown.host_key }, 'remote shell open');
  }

  /** Once, until something else is to be told. */
  #tell(tell: (problem: Problem) => void, code: string, message: string): void {
    if (message === this.#problem) return;
    this.#problem = message;
    this.#o.log.warn({ code, reason: message }, 'remote shell not as wanted');
    tell({ code, section: 'agent', source: 'remote shell', message });
  }
}
