// Makes dist/docs: the manual with pictures of the page as it is now (`npm run build:docs`). They are never committed.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { command } from '../../src/cli/command.ts';
import { runProgram } from '../../initramfs/command-line.ts';
import { projectDir } from '../../initramfs/tools.ts';
import { withFleet } from './fleet.ts';
import { relinked } from './links.ts';
import { takePictures } from './pictures.ts';

/** A place for a picture in a page: its name, and what it shows. */
const place = /^<!-- picture ([a-z]+): (.+) -->$/gm;

const buildDocs = command({
  name: 'build:docs',
  describe: 'make dist/docs: the manual, with pictures of the page',
  options: {},
  async run(_args, io) {
    const output = join(projectDir, 'dist/docs');
    rmSync(output, { recursive: true, force: true });
    cpSync(join(projectDir, 'docs'), output, { recursive: true });
    const folder = join(output, 'pictures');
    await withFleet((scene) => takePictures(scene, folder));
    for (const name of readdirSync(output, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.md')) continue;
      relink(join(output, name), join(projectDir, 'docs', name));
      insertPictures(join(output, name), folder);
    }
    io.print(`${output}\n`);
    return 0;
  },
});

function insertPictures(path: string, folder: string): void {
  const text = readFileSync(path, 'utf8');
  const from = relative(dirname(path), folder);
  writeFileSync(path, text.replaceAll(place, `![$2](${from}/$1.png)`));
}

function relink(path: string, original: string): void {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, relinked(text, dirname(original), dirname(path), join(projectDir, 'docs')));
}

await runProgram(buildDocs);
