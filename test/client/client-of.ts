// Clients that a test closes, and servers that answer as it says.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { Client, type ClientOptions } from '../../src/client/client.ts';

export function clientOf(url: string, options: ClientOptions = {}): Client {
  const client = new Client(url, options);
  onTestFinished(() => client.close());
  return client;
}

/** The address of a server that answers as the test says. */
export async function against(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  // A TCP server that listens has a port.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
