// The status screen of a machine's console: its name, its ports, its state and the last error, in 80 columns and 24
// lines. Colour and cursor movement are ANSI.
import type { AgentView } from '../../../agent/loop.ts';
import { initialState, type AgentEvent, type AgentState } from '../../../agent/state.ts';
import type { Clock } from '../../../core/clock.ts';
import { describeError, type ErrorCode } from '../../../core/errors.ts';
import type { ScreenMachine } from './screen-facts.ts';

export interface ScreenFacts {
  readonly version: string;
  readonly servers: readonly string[];
  /** The place that named the servers. */
  readonly serverSource: string;
  readonly clock: Clock;
  /** The machine as it is now; left out: it is not shown. */
  readonly machine?: ScreenMachine | undefined;
  /** The way to a shell. */
  readonly help?: string | undefined;
}

/** The next step after a failure, where its message does not name one. */
const nextSteps: Partial<Record<ErrorCode, string>> = {
  'server.unreachable': 'is the server running, and does the network lead there?',
  'server.untrusted': 'compare the certificate of the server with dragonfly.ca_sha256',
  'server.garbled': 'does this address belong to a Dragonfly server?',
  'identity.no-mac': 'is the driver of the network card in this image?',
};

/** A terminal that nobody reads, as after Ctrl-S, gets nothing more. Units: bytes. */
const maxBacklog = 16 * 1024;
const portLines = 5;
const columns = 80;
const lines = 24;

/** Redraws the screen in place at each state. */
export class StatusScreen {
  readonly #out: NodeJS.WritableStream & { readonly writableLength?: number };
  #facts: ScreenFacts;
  #state: AgentState;
  #view: AgentView = { addresses: () => [], timeline: () => [] };
  #recent: string[] = [];

  constructor(out: NodeJS.WritableStream, facts: ScreenFacts) {
    this.#out = out;
    this.#facts = facts;
    this.#state = initialState(facts.clock.elapsedMs());
  }

  /** Learns more, such as the servers. */
  tell(facts: Partial<ScreenFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  show(state: AgentState, event: AgentEvent | undefined, view: AgentView): void {
    const news = event === undefined ? undefined : newsOf(event);
    if (news !== undefined) this.remember(news);
    this.#state = state;
    this.#view = view;
    this.draw();
  }

  /** Draws over whatever is there. */
  draw(): void {
    if ((this.#out.writableLength ?? 0) > maxBacklog) return;
    const text = render(this.#state, this.#view, this.#facts, this.#recent);
    // Cursor home, then clear each line to its end: no flicker, and no scrolling on 25 lines.
    this.#out.write(`\u001b[H${text.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`);
  }

  /** Takes a line for what happened recently. */
  remember(news: string): void {
    const time = this.#facts.clock.now().toISOString().slice(11, 19);
    this.#recent = [...this.#recent, `${time} ${news}`].slice(-5);
  }
}

/** The lines of the screen, none longer than 80 columns. */
export function render(
  state: AgentState,
  view: AgentView,
  facts: ScreenFacts,
  recent: readonly string[],
): readonly string[] {
  const { registration, lastFailure } = state;
  const { machine, help } = facts;
  const said = recent.length > 0 ? recent : (machine?.said ?? []);
  const rows: [string, string][] = [
    ['Name', registration?.memorable_name ?? 'not registered yet'],
    ['Id', registration?.machine_id ?? '-'],
    ...(machine === undefined ? [] : machineRows(machine)),
    ['Address', view.addresses().join(', ') || 'none yet'],
    ['Server', serversOf(facts)],
    ['State', stateOf(state, facts.clock)],
    ['Boot', bootOf(view)],
  ];
  const text = [
    `Dragonfly agent ${facts.version}`,
    '-'.repeat(columns - 1),
    ...rows.flatMap(([label, value]) => wrap(value, label.padEnd(10), 2)),
    '',
    ...(lastFailure === undefined
      ? []
      : ['Last error', ...wrap(describeError(lastFailure.error), '  ', 4), ...nextStep(state), '']),
    ...(said.length === 0 ? [] : ['Recently', ...said.map((line) => `  ${line}`)]),
  ].slice(0, help === undefined ? lines : lines - 1);
  if (help !== undefined) text.push(help);
  // Control characters from the network must not reach the terminal.
  return text.map((l) => l.replaceAll(/\p{Cc}/gu, ' ').slice(0, columns - 1));
}

function serversOf({ servers, serverSource }: ScreenFacts): string {
  return servers.length === 0 ? 'not known yet' : `${servers.join(', ')} (${serverSource})`;
}

function machineRows({ name, ports, shell }: ScreenMachine): [string, string][] {
  const shown = ports.slice(0, ports.length > portLines ? portLines - 1 : portLines);
  const left = ports.length - shown.length;
  const text = left === 0 ? shown : [...shown, `and ${left} more`];
  const said = text.length === 0 ? ['none found: is the driver in this image?'] : text;
  return [
    ['Machine', name],
    ...said.map((line, i): [string, string] => [i === 0 ? 'Ports' : '', line]),
    ...(shell === undefined ? [] : [['SSH', `open, host key ${shell}`] satisfies [string, string]]),
  ];
}

function nextStep({ lastFailure }: AgentState): string[] {
  const step = lastFailure && nextSteps[lastFailure.error.code];
  return step === undefined ? [] : wrap(step, '  -> ', 1);
}

function stateOf(state: AgentState, clock: Clock): string {
  const inSeconds = Math.max(0, Math.ceil((state.dueMs - clock.elapsedMs()) / 1_000));
  switch (state.phase) {
    case 'waiting':
      return state.failures === 0
        ? 'waiting for the network'
        : `not registered; trying again in ${inSeconds} s (${state.failures} failed)`;
    case 'checking-in':
      return 'checking in';
    case 'beating':
      return state.failures === 0
        ? 'registered; nothing to do'
        : `registered; server lost, trying again in ${inSeconds} s (${state.failures} failed)`;
    case 'acting':
      return `carrying out ${state.order?.action ?? ''} ${state.order?.workflowId ?? ''}`.trim();
  }
}

/** Formats "link 1.2 s, address 3.4 s", counted from the kernel's start. */
function bootOf(view: AgentView): string {
  return view
    .timeline()
    .map(({ step, at_ms: ms }) => `${step} ${(ms / 1_000).toFixed(1)} s`)
    .join(', ');
}

function newsOf(event: AgentEvent): string | undefined {
  switch (event.type) {
    case 'checked-in':
      return `checked in, known by ${event.answer.matched_by.replace('_', ' ')}`;
    case 'acted':
      return 'order finished';
    case 'failed':
      return `failed: ${event.failure.error.code}`;
    case 'network':
      return event.up ? 'the network is up' : undefined;
    case 'beaten':
      return undefined;
  }
}

/** Breaks a text at spaces, or within a word longer than a line. */
function wrap(text: string, first: string, most: number): string[] {
  const width = columns - 1 - first.length;
  const indent = ' '.repeat(first.length);
  const broken: string[] = [];
  let rest = text;
  while (rest !== '' && broken.length < most) {
    const space = rest.lastIndexOf(' ', width);
    const end = rest.length <= width ? rest.length : space > 0 ? space : width;
    broken.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return (broken.length === 0 ? [''] : broken).map((line, i) => (i === 0 ? first : indent) + line);
}
