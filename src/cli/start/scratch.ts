// Carries out `writefile` for the agent of `npm start`: below a folder of its own, so that a first workflow
// can do no harm to this host.
import { lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkFields } from '../../actions/fields.ts';
import type { ActionRunners } from '../../agent/orders/actions.ts';
import { AppError } from '../../core/errors.ts';
import { checks } from '../../model/actions/checks.ts';
import { contentOf, modeOf } from '../../model/actions/file-content.ts';

/** The runners of an agent that may write below `folder` and nowhere else. */
export function scratchRunners(folder: string): ActionRunners {
  return {
    async writefile(fields) {
      checkFields('writefile', fields);
      checks.writefile(fields);
      const { path } = fields;
      await mkdir(folder, { recursive: true });
      const target = await placeBelow(await realpath(folder), path);
      await put(target, contentOf(fields), modeOf(fields) ?? 0o644);
      return { message: `${path} was written to ${target}: this agent writes nowhere else` };
    },
  };
}

/** The path of a file below a folder, whose directories are made. Errors: AppError `action.invalid` when it
 *  would lie elsewhere. */
async function placeBelow(folder: string, path: string): Promise<string> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.length === 0 || parts.includes('..')) throw outside(path);
  let place = folder;
  for (const part of parts.slice(0, -1)) {
    place = join(place, part);
    await mkdir(place, { recursive: true });
    if (!(await lstat(place)).isDirectory()) throw outside(path);
  }
  return join(place, parts.at(-1) ?? '');
}

/** A link of that name is replaced, not followed. */
async function put(target: string, content: Uint8Array, mode: number): Promise<void> {
  const temporary = `${target}.dragonfly-new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.chmod(mode & 0o777);
  } finally {
    await file.close();
  }
  await rename(temporary, target);
}

function outside(path: string): AppError {
  return new AppError('action.invalid', `${path} does not lie below the folder of this agent`);
}
