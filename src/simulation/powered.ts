// A simulated machine that is switched on and off, with its agent: the real loop and transport.
import { randomUUID } from 'node:crypto';
import { runLoop } from '../agent/loop.ts';
import { Spool } from '../agent/spool.ts';
import type { AgentEvent } from '../agent/state.ts';
import { Timeline } from '../agent/timeline.ts';
import type { Clock } from '../core/clock.ts';
import { silentLog } from '../core/log.ts';
import { HttpTransport } from '../transport/transport.ts';
import type { SimulatedMachine } from './machine.ts';

/** The place where simulated machines stand. */
export interface Site {
  readonly server: string;
  readonly token?: string | undefined;
  /** CA certificates to trust instead of the system's, as PEM. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  /** Aborted to stop all of them. */
  readonly signal: AbortSignal;
}

export class PoweredMachine {
  readonly machine: SimulatedMachine;
  readonly #o: Site;
  readonly #onEvent: (event: AgentEvent) => void;
  #off = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(machine: SimulatedMachine, site: Site, onEvent: (event: AgentEvent) => void) {
    this.machine = machine;
    this.#o = site;
    this.#onEvent = onEvent;
  }

  /** Boots the machine. Resolves when it is registered; rejects if it is stopped first. */
  powerOn(): Promise<void> {
    this.#off = new AbortController();
    const stopped = AbortSignal.any([this.#o.signal, this.#off.signal]);
    return new Promise((resolve, reject) => {
      stopped.addEventListener('abort', () => reject(stopped.reason));
      this.#running = this.#boot(stopped, (event) => {
        this.#onEvent(event);
        if (event.type === 'checked-in') resolve();
      });
    });
  }

  async powerOff(): Promise<void> {
    this.#off.abort(new Error('switched off'));
    await this.#running;
  }

  async #boot(signal: AbortSignal, onEvent: (event: AgentEvent) => void): Promise<void> {
    const { clock, server, token, ca } = this.#o;
    const startedMs = clock.elapsedMs();
    let sequence = 0;
    const boot = {
      id: randomUUID(),
      uptimeMs: () => clock.elapsedMs() - startedMs,
      nextSequence: async () => (sequence += 1),
    };
    const transport = new HttpTransport(server, { clock, ca });
    await runLoop({
      subject: this.machine,
      transport,
      boot,
      clock,
      signal,
      timeline: new Timeline(boot),
      spool: new Spool(),
      random: Math.random,
      log: silentLog,
      enrolToken: token,
      onState: (_state, event) => event && onEvent(event),
    });
    await transport.close();
  }
}
