// Parses a stream of server-sent events (WHATWG HTML, 9.2.6). The browser's EventSource cannot send an
// Authorization header, so the stream is read through fetch. Pure; no DOM.

export interface ServerEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
}

/** Takes text in pieces of any size and returns the events completed so far. */
export class EventParser {
  #rest = '';
  #lastId: string | undefined;

  push(text: string): ServerEvent[] {
    const blocks = (this.#rest + text).replaceAll('\r\n', '\n').split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.map((block) => this.#parse(block)).filter((event) => event !== undefined);
  }

  #parse(block: string): ServerEvent | undefined {
    let type = 'message';
    const data: string[] = [];
    for (const line of block.split('\n')) {
      const colon = line.indexOf(':');
      // A line that starts with a colon is a comment that keeps the connection open.
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
