// A way to the server on which requests may come to grief, as iPXE itself meets it.
import { once } from 'node:events';
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { BootServer } from '../harness.ts';

/** True where it has taken the request. */
export type Mishap = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A way to the server on a port of its own, on which requests may come to grief: those that `mishap` takes. */
export async function wayTo(
  server: BootServer,
  mishap: Mishap,
): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (mishap(request, response)) return;
    const { method, headers } = request;
    const on = forward(`${server.url}${path}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(on);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  return { port: (proxy.address() as AddressInfo).port, asked };
}
