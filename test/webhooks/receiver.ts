// Receivers of webhooks: real HTTP servers on loopback that note what they are sent and answer as a test says.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { onTestFinished } from 'vitest';

export interface Post {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly text: string;
  readonly event: {
    readonly type: string;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}
export type Answering = (response: ServerResponse, post: Post) => void;

export const answerWith =
  (status: number, headers: Record<string, string> = {}): Answering =>
  (response) => {
    response.writeHead(status, headers).end();
  };

export class TestReceiver {
  readonly posts: Post[] = [];
  answer: Answering = answerWith(204);
  readonly #server;

  private constructor(tls: { cert: string; key: string } | undefined) {
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#take(request, response);
    };
    this.#server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  }

  /** Ends with the test. */
  static async start(tls?: { cert: string; key: string }): Promise<TestReceiver> {
    const receiver = new TestReceiver(tls);
    await receiver.listen();
    onTestFinished(() => receiver.stop());
    return receiver;
  }

  get port(): number {
    // A TCP server that listens has a port.
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = '/hook'): string {
    const scheme = 'cert' in this.#server ? 'https' : 'http';
    return `${scheme}://127.0.0.1:${this.port}${path}`;
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** The types of what came, or of those about one machine. */
  types(machineId?: string): string[] {
    return this.posts
      .filter(({ event }) => machineId === undefined || event.data['machine_id'] === machineId)
      .map(({ event }) => event.type);
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const part of request) text += String(part);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const post = { path: request.url ?? '', headers, text, event: JSON.parse(text) };
    this.posts.push(post);
    this.answer(response, post);
  }
}

/** Throws unless the post was signed with this secret. */
export function verify(secret: string, { text, headers }: Post): void {
  new Webhook(secret).verify(text, headers);
}
