// The server's events for watchers, and their text on the wire: server-sent events (WHATWG HTML, section
// 9.2). They are read through an ordinary request, because the browser's EventSource cannot send a token.

/** The events that a webhook may ask for. `reset` and `webhook.test` come to each. */
export const webhookEvents = [
  'machine.registered',
  'machine.changed',
  'machine.deleted',
  'machine.liveness',
  'machine.token',
  'workflow.changed',
  'template.changed',
  'setting.changed',
  'conflict.changed',
] as const;

/** reset: changes may have been missed; read everything again. */
export type EventType = 'reset' | (typeof webhookEvents)[number];

export interface ServerEvent {
  /** "<run of the server>-<count>" */
  readonly id: string;
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event as parsed from its text. */
export interface ParsedEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
}

/** Writes an event as text. */
export function eventText({ id, type, data }: ServerEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Takes text in pieces of any size and returns the events completed so far. */
export class EventParser {
  #rest = '';
  #lastId: string | undefined;

  push(text: string): ParsedEvent[] {
    const blocks = (this.#rest + text).replaceAll('\r\n', '\n').split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.map((block) => this.#parse(block)).filter((event) => event !== undefined);
  }

  #parse(block: string): ParsedEvent | undefined {
    let type = 'message';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      // A line that starts with a colon is a comment, sent to keep the connection open.
      if (colon === 0) continue;
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (name === 'event') type = value;
      else if (name === 'data') data.push(value);
      else if (name === 'id') this.#lastId = value;
    }
    return data.length === 0 ? undefined : { id: this.#lastId, type, data: data.join('\n') };
  }
}
