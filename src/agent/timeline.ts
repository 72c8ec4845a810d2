// A record of when this boot reached each step on its way to the server.
import type { Root } from '../sources/root.ts';
import type { Boot } from './boot.ts';

/** The steps, in the order in which a boot reaches them. */
const bootSteps = [
  'kernel',
  'link',
  'address',
  'agent',
  'dns',
  'tcp',
  'tls',
  'checkin',
  'registered',
] as const;
export type BootStep = (typeof bootSteps)[number];

export interface BootTime {
  readonly step: BootStep;
  /** The time since the kernel started. Units: milliseconds. */
  readonly at_ms: number;
}

/** The file in which an initramfs notes its own steps as `step=milliseconds`. */
const notesPath = '/run/dragonfly/boot-times';

/** Keeps the first time of each step. */
export class Timeline {
  readonly #boot: Boot;
  readonly #times = new Map<BootStep, number>([['kernel', 0]]);

  constructor(boot: Boot) {
    this.#boot = boot;
  }

  /** Starts with the steps before the agent, if the initramfs noted them.
   *  Source: /run/dragonfly/boot-times. */
  static async open(root: Root, boot: Boot): Promise<Timeline> {
    const timeline = new Timeline(boot);
    const text = await root.text(notesPath).catch(() => undefined);
    for (const [, name, ms] of (text ?? '').matchAll(/^(\w+)=(\d{1,12})$/gm)) {
      const step = bootSteps.find((s) => s === name);
      if (step !== undefined) timeline.#times.set(step, Number(ms));
    }
    timeline.mark('agent');
    return timeline;
  }

  /** Notes that a step is reached now, unless it was already. */
  mark(step: BootStep): void {
    if (!this.#times.has(step)) this.#times.set(step, Math.round(this.#boot.uptimeMs()));
  }

  /** The steps so far, in order of time. */
  times(): BootTime[] {
    return bootSteps
      .flatMap((step) => {
        const at = this.#times.get(step);
        return at === undefined ? [] : [{ step, at_ms: at }];
      })
      .toSorted((a, b) => a.at_ms - b.at_ms);
  }
}
