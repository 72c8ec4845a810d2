// How soon the page shows machines, and how smoothly it scrolls and filters, with 10,000 of them: a
// real Chromium on loopback, the store on disk. Compared with the same browser opening an empty page
// of the same server.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { buildPage } from '../build-page.ts';
import { openStore } from '../src/store/open.ts';
import { hasChromium, launch, serve } from '../test/web/browser.ts';
import { seed } from '../test/web/machines.ts';

const machines = 10_000;
const targetMs = 1000;
const rounds = 5;

/** Notes when the first element that matches is in the document and was painted. */
const noteFirst = (selector: string): string => `
  window.firstSeen = new Promise((resolve) => {
    const look = () => document.querySelector(${JSON.stringify(selector)}) === null
      ? requestAnimationFrame(look)
      : requestAnimationFrame(() => resolve(performance.now()));
    look();
  });`;

const scrollThrough = `
  new Promise((resolve) => {
    const list = document.querySelector('.list');
    const frames = [];
    let last = performance.now();
    const step = () => {
      const now = performance.now();
      frames.push(now - last);
      last = now;
      if (frames.length > 240) return resolve(frames);
      list.scrollTop += 1500;
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`;

const idleFrames = scrollThrough.replace('list.scrollTop += 1500;', '');

const typeFilter = `
  (async () => {
    const input = document.querySelector('input[type=search]');
    const times = [];
    for (const text of ['n', 'no', 'nod', 'node', 'node-', 'node-7', 'node-77', '']) {
      const start = performance.now();
      input.value = text;
      input.dispatchEvent(new Event('input', { bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      times.push(performance.now() - start);
    }
    return times;
  })()`;

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

const ms = (value: number): string => `${value.toFixed(0)} ms`;

async function firstSeenMs(browser: Browser, url: string, selector: string): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.addInitScript(noteFirst(selector));
  await page.goto(url);
  const seen = await page.evaluate<number>('window.firstSeen');
  await context.close();
  return seen;
}

async function openFull(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(url);
  await page.getByText(`${machines.toLocaleString('en')} machines`).waitFor();
  return page;
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
  const empty: number[] = [];
  const first: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    empty.push(await firstSeenMs(browser, `${server.url}/api/health`, 'body'));
    first.push(await firstSeenMs(browser, server.url, '.list .row'));
  }
  const median = quantile(first, 0.5);
  console.log(
    `first machines visible: ${ms(median)} (slowest of ${String(rounds)}: ${ms(Math.max(...first))}),` +
      ` ${(median / quantile(empty, 0.5)).toFixed(1)} x an empty page (${ms(quantile(empty, 0.5))});` +
      ` target at ${machines.toLocaleString('en')} machines: ${ms(targetMs)}`,
  );
  const page = await openFull(browser, server.url);
  const idle = await page.evaluate<number[]>(idleFrames);
  const scroll = await page.evaluate<number[]>(scrollThrough);
  console.log(
    `scrolling ${machines.toLocaleString('en')} rows, 40 rows a frame: frame median ${ms(quantile(scroll, 0.5))},` +
      ` p99 ${ms(quantile(scroll, 0.99))}; ${(quantile(scroll, 0.99) / quantile(idle, 0.99)).toFixed(1)} x` +
      ` the p99 of an idle page (${ms(quantile(idle, 0.99))})`,
  );
  const typing = await page.evaluate<number[]>(typeFilter);
  console.log(
    `filtering, a key to its frame: median ${ms(quantile(typing, 0.5))}, slowest ${ms(Math.max(...typing))}`,
  );
} finally {
  await browser.close();
  await server.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
}
