// The images of this server that a template names, as they are now.
import { isAppError } from '../../../core/errors.ts';
import type { Template, TemplateAction } from '../../../model/documents/template.ts';
import { sumsName, type ImageFolder } from '../../../store/images/folder.ts';
import type { PlannedImage } from '../../rules/plan/digest.ts';
import { lookAt } from './image-look.ts';

/** `template` has its variables filled in; `server` is this server's URL in it. Errors: AppError `image.folder`. */
export async function plannedImages(
  images: ImageFolder | undefined,
  template: Template,
  server: string,
): Promise<PlannedImage[]> {
  const names = new Set(template.spec.actions.flatMap((action) => namesIn(action, server)));
  return Promise.all([...names].map((name) => look(images, name)));
}

function namesIn(action: TemplateAction, server: string): string[] {
  // The agent takes the one for its processor.
  if (action.action === 'jetpack' && action.binary_url === undefined) {
    return ['jetpack-x86_64', 'jetpack-aarch64'];
  }
  const named = Object.values(action).flatMap((value) =>
    typeof value === 'string' && value.startsWith(`${server}/images/`)
      ? (/^[^/?#%]+(?=[?#]|$)/.exec(value.slice(`${server}/images/`.length)) ?? [])
      : [],
  );
  return named.filter((name) => name !== sumsName);
}

async function look(images: ImageFolder | undefined, name: string): Promise<PlannedImage> {
  try {
    const found = await images?.open(name);
    const seen = found && (await lookAt(found));
    return { name, etag: found?.etag, sha256: found?.sha256, look: seen };
  } catch (err) {
    if (!isAppError(err, 'image.unknown')) throw err;
    return { name, etag: undefined, sha256: undefined };
  }
}
