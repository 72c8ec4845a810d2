// The content and the mode of a file as a template gives them. Pure.
import { AppError } from '../../core/errors.ts';

interface FileFields {
  readonly content?: string | undefined;
  readonly content_b64?: string | undefined;
  readonly mode?: string | undefined;
}

/** Errors: AppError `action.invalid`. */
export function contentOf({ content, content_b64: encoded }: FileFields): Buffer {
  if ((content === undefined) === (encoded === undefined)) {
    throw new AppError('action.invalid', 'writefile takes content or content_b64, one of them');
  }
  if (encoded === undefined) return Buffer.from(content ?? '', 'utf8');
  const text = encoded.replaceAll(/\s/g, '');
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '')) return bytes;
  throw new AppError('action.invalid', 'content_b64 is not base64');
}

export const modePattern = /^(?:0o)?0*[0-7]{1,4}$/;

/** Octal, as chmod takes it. Errors: AppError `action.invalid`. */
export function modeOf({ mode }: FileFields): number | undefined {
  if (mode === undefined) return undefined;
  if (modePattern.test(mode)) return Number.parseInt(mode.replace(/^0o/, ''), 8);
  throw new AppError('action.invalid', `mode must be octal digits, such as "0644", not "${mode}"`);
}
