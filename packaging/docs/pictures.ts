// The pictures of the page: each by its name, with where it is taken and how one sees that the page is there.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { AppError } from '../../src/core/errors.ts';
import type { Scene } from './fleet.ts';

interface Picture {
  readonly path: (scene: Scene) => string;
  /** Ends when what is to be seen is there. */
  readonly appear: (page: Page) => Promise<unknown>;
  readonly isDark?: true;
}

const chromiumPath = '/usr/bin/chromium';

export const pictures: Readonly<Record<string, Picture>> = {
  overview: { path: () => '/', appear: (page) => page.getByText('debian-cloud').first().waitFor() },
  machines: { path: () => '/machines', appear: (page) => page.getByText('sim-7').waitFor() },
  machine: {
    path: ({ busy }) => `/machines/${busy}`,
    appear: (page) => page.getByRole('heading', { name: 'Hardware' }).waitFor(),
  },
  templates: {
    path: () => '/templates',
    appear: (page) => page.getByText('debian-raw').first().waitFor(),
  },
  workflows: {
    path: () => '/workflows',
    appear: (page) => page.getByRole('link', { name: 'sim-0' }).first().waitFor(),
  },
  audit: {
    path: () => '/audit',
    appear: (page) => page.getByText('anyone').first().waitFor(),
    isDark: true,
  },
};

/** Takes all pictures into `folder`, as NAME.png. Errors: AppError `exec.missing`. */
export async function takePictures(scene: Scene, folder: string): Promise<void> {
  if (!existsSync(chromiumPath)) {
    throw new AppError('exec.missing', `no ${chromiumPath}: apt-get install chromium`);
  }
  mkdirSync(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  try {
    for (const [name, { path, appear, isDark }] of Object.entries(pictures)) {
      const context = await browser.newContext({
        viewport: { width: 1280, height: 800 },
        deviceScaleFactor: 1.5,
        colorScheme: isDark === true ? 'dark' : 'light',
        reducedMotion: 'reduce',
      });
      const page = await context.newPage();
      await page.goto(new URL(path(scene), scene.url).href);
      await appear(page);
      await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
      await context.close();
    }
  } finally {
    await browser.close();
  }
}
