// A proxy in front of a real server that does to requests what networks and broken servers do.
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault = (exchange: Exchange) => Promise<void>;

/** One request on its way. */
interface Exchange {
  readonly response: ServerResponse;
  /** Delivers the request to the server and gives its answer. */
  readonly deliver: () => Promise<{
    status: number;
    headers: IncomingMessage['headers'];
    body: Buffer;
  }>;
}

const pass: Fault = async ({ response, deliver }) => {
  const { status, headers, body } = await deliver();
  response.writeHead(status, headers).end(body);
};

/** Faults by name. Each leaves the agent without a usable answer. */
export const faults: Readonly<Record<string, Fault>> = {
  'dropped before delivery': async ({ response }) => void response.socket?.destroy(),
  'dropped after delivery': async ({ response, deliver }) => {
    await deliver();
    response.socket?.destroy();
  },
  'reset before delivery': async ({ response }) => void response.socket?.resetAndDestroy(),
  'reset after delivery': async ({ response, deliver }) => {
    await deliver();
    response.socket?.resetAndDestroy();
  },
  'half-open: delivered, never answered': async ({ deliver }) => void (await deliver()),
  'an answer that is cut off': async ({ response, deliver }) => {
    const { status, headers, body } = await deliver();
    response.writeHead(status, { ...headers, 'content-length': String(body.length + 100) });
    response.write(body.subarray(0, body.length / 2));
    setImmediate(() => response.socket?.destroy());
  },
  'an answer that trickles in': async ({ response, deliver }) => {
    const { status, headers } = await deliver();
    response.writeHead(status, { ...headers, 'content-length': '100000' });
    const drip = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(drip));
  },
  'an answer that comes too late': async (exchange) => {
    await new Promise((resolve) => {
      exchange.response.on('close', resolve);
    });
    await exchange.deliver();
  },
  '500 before delivery': async ({ response }) => void response.writeHead(500).end('{}'),
  '502 after delivery': async ({ response, deliver }) => {
    await deliver();
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>');
  },
  '503 without Retry-After': async ({ response }) => void response.writeHead(503).end(),
  '429 with Retry-After': async ({ response }) =>
    void response.writeHead(429, { 'retry-after': '1' }).end(),
  'a page of HTML': async ({ response }) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>'),
  'a redirect to a portal': async ({ response }) =>
    void response.writeHead(302, { location: 'http://portal.invalid/' }).end(),
  'the wrong content type and content': async ({ response, deliver }) => {
    await deliver();
    response.writeHead(200, { 'content-type': 'image/png' }).end(Buffer.from([0x89, 0x50, 0x4e]));
  },
  'bytes that are no HTTP': async ({ response, deliver }) => {
    await deliver();
    response.socket?.end('\u0000\u0001\u0002');
  },
};

export interface FaultProxy {
  readonly url: string;
  /** The number of requests that met the fault. */
  readonly met: () => number;
  /** From now on everything passes. */
  readonly heal: () => void;
  readonly close: () => Promise<void>;
}

/** A proxy to `upstream` on which `fault` hits every request that `hits` says, counted from 0. */
export async function startFaultProxy(
  upstream: string,
  fault: Fault,
  hits: (count: number) => boolean,
): Promise<FaultProxy> {
  let count = 0;
  let met = 0;
  let isHealed = false;
  const server = createServer((incoming, response) => {
    void readAll(incoming).then((body) => {
      const isHit = !isHealed && hits(count);
      count += 1;
      if (isHit) met += 1;
      const exchange = { response, deliver: () => forward(upstream, incoming, body) };
      return (isHit ? fault : pass)(exchange);
    }, ignore);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  // A server that listens on TCP has a port.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    met: () => met,
    heal: () => {
      isHealed = true;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A client that goes away in the middle of its request is no news to a proxy. */
function ignore(): void {}

function forward(
  upstream: string,
  incoming: IncomingMessage,
  body: Buffer,
): ReturnType<Exchange['deliver']> {
  return new Promise((resolve, reject) => {
    const { method, headers } = incoming;
    const outgoing = request(
      new URL(incoming.url ?? '/', upstream),
      { method, headers },
      (answer) => {
        readAll(answer).then(
          (answered) =>
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: answered }),
          reject,
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
