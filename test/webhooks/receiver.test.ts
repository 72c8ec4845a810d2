// Posts to receivers that are slow, dying, redirecting, refusing, or not who they say.
import type { LookupAddress } from 'node:dns';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ManualClock, systemClock, type Clock } from '../../src/core/clock.ts';
import { Networks } from '../../src/webhooks/networks.ts';
import { Receivers, type ReceiverOptions } from '../../src/webhooks/receiver.ts';
import { hasOpenssl, TestCa } from '../transport/test-ca.ts';
import { answerWith, TestReceiver } from './receiver.ts';

const never = new AbortController().signal;

function receivers(options: Partial<ReceiverOptions> = {}, clock: Clock = systemClock): Receivers {
  const networks = new Networks('127.0.0.1');
  const made = new Receivers({ clock, networks, userAgent: 'test', ...options });
  onTestFinished(() => made.close());
  return made;
}
const post = (to: Receivers, url: string, signal = never) => to.post(url, {}, '{}', signal);

it.each([301, 302, 303, 307, 308])('follows no redirect (%s)', async (status) => {
  const [from, to] = [await TestReceiver.start(), await TestReceiver.start()];
  const places = [
    to.url(),
    from.url('/again'),
    'https://127.0.0.1:1/',
    'file:///etc/passwd',
    '//[::1]/',
    '',
  ];
  for (const location of places) {
    from.answer = answerWith(status, { location, refresh: `0;url=${to.url()}` });
    expect(await post(receivers(), from.url())).toMatchObject({ status });
  }
  expect([from.posts.length, to.posts.length]).toEqual([places.length, 0]);
});

it('waits 15 s for an answer, and cuts the connection', async () => {
  const clock = new ManualClock(new Date());
  const receiver = await TestReceiver.start();
  const closed = Promise.withResolvers<void>();
  receiver.answer = (response) => response.on('close', () => closed.resolve());
  const posted = post(receivers({}, clock), receiver.url());
  posted.catch(() => {});
  await expect.poll(() => receiver.posts.length).toBe(1);
  await clock.advance(14_999);
  await clock.advance(1);
  await expect(posted).rejects.toThrow('within 15 s');
  await closed.promise;
});

it('waits no longer for one that answers byte by byte', async () => {
  const clock = new ManualClock(new Date());
  const receiver = await TestReceiver.start();
  receiver.answer = (response) => response.writeHead(200).write('.');
  const posted = post(receivers({}, clock), receiver.url());
  posted.catch(() => {});
  await expect.poll(() => receiver.posts.length).toBe(1);
  await clock.advance(15_000);
  await expect(posted).rejects.toThrow('within 15 s');
});

it('does not wait for ever for one that would speak another protocol', async () => {
  const receiver = await TestReceiver.start();
  receiver.answer = (response) =>
    response.socket?.write('HTTP/1.1 101 Other\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');
  await expect(post(receivers(), receiver.url())).rejects.toThrow(
    'closed the connection unanswered',
  );
});

it('takes a few interim answers, and no flood of them', async () => {
  const receiver = await TestReceiver.start();
  const interim = 'HTTP/1.1 102 Processing\r\n\r\n';
  receiver.answer = (response) => {
    response.socket?.write(interim.repeat(5));
    response.writeHead(200).end();
  };
  expect(await post(receivers(), receiver.url())).toMatchObject({ status: 200 });
  receiver.answer = (response) => void response.socket?.write(interim.repeat(50));
  await expect(post(receivers(), receiver.url())).rejects.toThrow('never to an end');
});

it('reads an endless answer no further than it has to', async () => {
  const receiver = await TestReceiver.start();
  receiver.answer = (response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      response.once('drain', more);
    };
    more();
  };
  expect(await post(receivers(), receiver.url())).toMatchObject({ status: 200 });
});

it('fails where the receiver refuses, dies in between, or answers junk', async () => {
  const gone = await TestReceiver.start();
  const refusing = gone.url();
  await gone.stop();
  await expect(post(receivers(), refusing)).rejects.toThrow('ECONNREFUSED');
  const dying = await TestReceiver.start();
  dying.answer = (response) => response.socket?.destroy();
  await expect(post(receivers(), dying.url())).rejects.toThrow('socket hang up');
  dying.answer = (response) => response.socket?.end('HTTP/9 what\r\n\r\n');
  await expect(post(receivers(), dying.url())).rejects.toThrow('Parse Error');
  dying.answer = (response) => {
    response.writeHead(200, { 'content-length': '10' }).write('...');
    setImmediate(() => response.socket?.destroy());
  };
  await expect(post(receivers(), dying.url())).rejects.toThrow('aborted');
});

it('posts again where the connections that were kept were closed just then, however many', async () => {
  const receiver = await TestReceiver.start();
  const to = receivers();
  await Promise.all([1, 2, 3].map(() => post(to, receiver.url())));
  let count = 0;
  receiver.answer = (response) => {
    count += 1;
    if (count <= 3) response.socket?.resetAndDestroy();
    else response.writeHead(200).end();
  };
  expect(await post(to, receiver.url())).toMatchObject({ status: 200 });
  expect(receiver.posts).toHaveLength(7);
});

it('is given up with its signal', async () => {
  const receiver = await TestReceiver.start();
  receiver.answer = () => {};
  const leave = new AbortController();
  const posted = post(receivers(), receiver.url(), leave.signal);
  await expect.poll(() => receiver.posts.length).toBe(1);
  const reason = new Error('the server stops');
  leave.abort(reason);
  await expect(posted).rejects.toBe(reason);
});

describe('addresses', () => {
  const closed = new Networks('');
  const refusal = expect.objectContaining({ code: 'webhook.address' });

  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://0/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[fe80::1]/',
    'http://169.254.169.254/latest/meta-data',
    'https://10.0.0.1/',
    'http://１２７.０.０.１/',
  ])('%s is not posted to', async (url) => {
    await expect(post(receivers({ networks: closed }), url)).rejects.toThrow(refusal);
  });

  it('of a name are judged when it is connected to, each time', async () => {
    const receiver = await TestReceiver.start();
    const answers: LookupAddress[][] = [];
    const lookUp = async (): Promise<LookupAddress[]> => answers.shift() ?? [];
    const url = `http://hook.example:${receiver.port}/`;
    // A name that resolves to what is allowed, and the next time to something else.
    const to = receivers({ lookUp, networks: new Networks('127.0.0.1') });
    answers.push([{ address: '127.0.0.1', family: 4 }], [{ address: '127.0.0.2', family: 4 }]);
    receiver.answer = answerWith(200, { connection: 'close' });
    expect(await post(to, url)).toMatchObject({ status: 200 });
    await expect(post(to, url)).rejects.toThrow(refusal);
    // Only those of several that are allowed.
    answers.push([
      { address: '127.0.0.2', family: 4 },
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);
    expect(await post(to, url)).toMatchObject({ status: 200 });
    await expect(post(to, url)).rejects.toThrow(refusal);
    expect(receiver.posts).toHaveLength(2);
  });

  it('that are not told hold up one look-up at a time, and no other receiver', async () => {
    const receiver = await TestReceiver.start();
    const clock = new ManualClock(new Date());
    const hanging: ((err: Error) => void)[] = [];
    const lookUp = (name: string): Promise<LookupAddress[]> =>
      name.startsWith('dead')
        ? new Promise((_, reject) => void hanging.push(reject))
        : Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const to = receivers({ lookUp, networks: new Networks('127.0.0.1') }, clock);
    const postAll = (names: readonly string[]) =>
      names.map((name) => post(to, `http://${name}.example:${receiver.port}/`));
    const late = expect.objectContaining({ message: expect.stringContaining('15 s') });
    const dead = ['dead-1', 'dead-2', 'dead-3', 'dead-3'];
    receiver.answer = answerWith(204, { connection: 'close' });
    await Promise.all(postAll(['alive']));
    for (let round = 0; round < 2; round += 1) {
      const posted = postAll(dead);
      await expect.poll(() => hanging.length).toBe(1);
      expect(await Promise.all(postAll(['alive']))).toMatchObject([{ status: 204 }]);
      expect(hanging).toHaveLength(1);
      const failed = Promise.all(posted.map((one) => expect(one).rejects.toThrow(late)));
      await clock.advance(15_000);
      await failed;
      // Each has its turn once the one before it has ended, although its post is over.
      for (const _ of new Set(dead)) {
        await expect.poll(() => hanging.length).toBe(1);
        await clock.advance(10_000);
        hanging.pop()?.(new Error('EAI_AGAIN'));
      }
      await nextTurn();
    }
  });

  it('of localhost, as the host resolves it, are not posted to', async () => {
    const receiver = await TestReceiver.start();
    const to = receivers({ networks: closed });
    await expect(post(to, `http://localhost:${receiver.port}/`)).rejects.toThrow(refusal);
    expect(receiver.posts).toEqual([]);
  });
});

describe.skipIf(!hasOpenssl)('a receiver with TLS (needs openssl)', () => {
  let ca: TestCa;
  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => ca.remove());

  it('is trusted by its CA, for its name, while its certificate lasts', async () => {
    const good = await TestReceiver.start(ca.issue('IP:127.0.0.1', '2020-01-01', '2090-01-01'));
    expect(await post(receivers({ ca: ca.pem }), good.url())).toMatchObject({ status: 204 });
    await expect(post(receivers(), good.url())).rejects.toThrow(/certificate/);
    const other = await TestReceiver.start(ca.issue('IP:127.0.0.9', '2020-01-01', '2090-01-01'));
    await expect(post(receivers({ ca: ca.pem }), other.url())).rejects.toThrow(/altnames/);
    const old = await TestReceiver.start(ca.issue('IP:127.0.0.1', '2020-01-01', '2021-01-01'));
    await expect(post(receivers({ ca: ca.pem }), old.url())).rejects.toThrow(/expired/);
    expect([other.posts, old.posts]).toEqual([[], []]);
  });
});
