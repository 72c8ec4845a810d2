// Measures how soon the page shows 10,000 machines, and how busy scrolling and filtering keep the browser: a
// real Chromium on loopback, the store on disk. The first machines are compared with the same browser
// opening a bare answer of the same server, the work with the time of a frame.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, CDPSession } from 'playwright-core';
import { buildPage } from '../build-page.ts';
import { openStore } from '../src/store/open.ts';
import { hasChromium, launch, serve } from '../test/web/browser.ts';
import { seed } from '../test/web/machines.ts';

const machines = 10_000;
const targetMs = 1000;
const frameMs = 1000 / 60;
const rounds = 5;
const viewport = { width: 1280, height: 800 };

/** Notes when the first element that matches was painted. */
const noteFirst = (selector: string): string => `
  window.firstSeen = new Promise((resolve) => {
    const look = () => document.querySelector(${JSON.stringify(selector)}) === null
      ? requestAnimationFrame(look)
      : requestAnimationFrame(() => resolve(performance.now()));
    look();
  });`;

/** The bytes of everything that was loaded, as they came over the network. */
const transferred = `
  performance.getEntries().reduce((sum, { transferSize = 0 }) => sum + transferSize, 0)`;
const targetMb = 3;

const frames = 200;
const scroll = (pixels: number): string => `
  new Promise((resolve) => {
    const list = document.querySelector('.list');
    list.scrollTop = 0;
    let frame = 0;
    const step = () => {
      if (++frame > ${String(frames)}) return resolve();
      list.scrollTop += ${String(pixels)};
      requestAnimationFrame(step);
    };
    step();
  })`;

const typed = ['n', 'no', 'nod', 'node', 'node-', 'node-7', 'node-77', ''];
const typeFilter = `
  (async () => {
    const input = document.querySelector('input[role=combobox]');
    for (const text of ${JSON.stringify(typed)}) {
      input.value = text;
      input.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    }
  })()`;

/** A browser that draws no frames would keep a script waiting for ever. */
const patienceMs = 60_000;

/** Errors: says what did not end. */
async function ended<T>(what: string, work: Promise<T>): Promise<T> {
  const late = pause(patienceMs, undefined, { ref: false }).then(() => {
    throw new Error(
      `${what} did not end within ${String(patienceMs / 1000)} s: the browser may draw no frames`,
    );
  });
  return Promise.race([work, late]);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

async function firstSeenMs(browser: Browser, url: string, selector: string): Promise<number> {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  await page.addInitScript(noteFirst(selector));
  await page.goto(url);
  const seen = await ended(`showing ${url}`, page.evaluate<number>('window.firstSeen'));
  await context.close();
  return seen;
}

/** The CPU time that the page's main thread has used. */
async function workMs(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN);
}

async function measureFirst(browser: Browser, url: string): Promise<void> {
  const bare: number[] = [];
  const first: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await firstSeenMs(browser, `${url}/api/health`, 'body'));
    first.push(await firstSeenMs(browser, `${url}/machines`, '.list .row'));
  }
  console.log(
    `first machines visible: median ${median(first).toFixed(0)} ms,` +
      ` slowest of ${String(rounds)} ${Math.max(...first).toFixed(0)} ms` +
      ` (target: within ${String(targetMs)} ms);` +
      ` ${(median(first) / median(bare)).toFixed(1)} x a bare answer (${median(bare).toFixed(0)} ms)`,
  );
}

async function measureWork(browser: Browser, url: string): Promise<void> {
  const page = await browser.newPage({ viewport });
  await page.goto(`${url}/machines`);
  await page.getByText(`${machines.toLocaleString('en')} machines`).waitFor();
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const measure = async (what: string, script: string, times: number): Promise<void> => {
    const before = await workMs(session);
    await ended(what, page.evaluate(script));
    const each = ((await workMs(session)) - before) / times;
    console.log(`${what}: ${each.toFixed(1)} ms of work, ${(each / frameMs).toFixed(2)} x a frame`);
  };
  await measure('scrolling 3 rows a frame, as a wheel does', scroll(120), frames);
  await measure('scrolling 40 rows a frame, as dragging the bar does', scroll(1520), frames);
  await measure('a key typed into the filter', typeFilter, typed.length);
  const mb = (await page.evaluate<number>(transferred)) / 1e6;
  console.log(`transferred: ${mb.toFixed(2)} MB (target: at most ${String(targetMb)} MB)`);
}

if (!hasChromium) {
  console.log('skipped: needs chromium');
  process.exit(0);
}
await buildPage();
const directory = mkdtempSync(join(tmpdir(), 'dragonfly-page-'));
const store = await openStore(`lmdb:${directory}`);
await seed(store, machines);
const server = await serve({ store });
const browser = await launch();
try {
  console.log(`${machines.toLocaleString('en')} machines`);
  await measureFirst(browser, server.url);
  await measureWork(browser, server.url);
} finally {
  await browser.close();
  await server.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
}
