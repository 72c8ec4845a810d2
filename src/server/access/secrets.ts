// Secrets at rest: encrypted with AES-256-GCM under named keys, so that keys can be rotated. Plain text is never
// logged or answered, and stored only where `keep` has no key.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { AppError } from '../../core/errors.ts';

const cipher = 'aes-256-gcm';
const format = 'v1';

interface Key {
  /** The first 8 hex digits of the key's SHA-256: tells keys apart without revealing them. */
  readonly id: string;
  readonly bytes: Buffer;
}

/** A new key, as a line of a key file. */
export function newKeyLine(): string {
  return randomBytes(32).toString('base64');
}

export class SecretBox {
  readonly #keys: readonly Key[];

  /** `keyText`: keys in base64, one per line. The first encrypts, all decrypt; "#" starts a comment.
   *  Errors: AppError `config.invalid`. */
  constructor(keyText: string) {
    this.#keys = keyText
      .split('\n')
      .map((line) => line.replace(/#.*/, '').trim())
      .filter((line) => line !== '')
      .map(parseKey);
  }

  get hasKey(): boolean {
    return this.#keys.length > 0;
  }

  /** True if `sealed` was made by `seal`, and not by another program. */
  isOurs(sealed: string): boolean {
    return sealed.startsWith(`${format}:`);
  }

  /** True if `sealed` is encrypted with the first key. */
  isCurrent(sealed: string): boolean {
    return this.#keys[0] !== undefined && sealed.split(':')[1] === this.#keys[0].id;
  }

  /** Encrypts `plain` so that it opens only for the same `owner`.
   *  Errors: AppError `secret.no-key`. */
  seal(plain: string, owner: string): string {
    const key = this.#keys[0];
    if (key === undefined) {
      throw new AppError(
        'secret.no-key',
        'cannot store a secret: no key is configured; start the server with --secret-key-file (dragonfly-server rotate-key makes one)',
      );
    }
    const iv = randomBytes(12);
    const box = createCipheriv(cipher, key.bytes, iv).setAAD(Buffer.from(owner));
    const sealed = Buffer.concat([box.update(plain, 'utf8'), box.final()]);
    const parts = [iv, box.getAuthTag(), sealed].map((part) => part.toString('base64url'));
    return [format, key.id, ...parts].join(':');
  }

  /** Encrypts `plain` where there is a key to do it with; without one it stays as it is. */
  keep(plain: string, owner: string): string {
    return this.hasKey ? this.seal(plain, owner) : plain;
  }

  /** The text that `keep` was given. Errors: those of `open`. */
  read(kept: string, owner: string): string {
    return this.isOurs(kept) ? this.open(kept, owner) : kept;
  }

  /** Decrypts what `seal` made. Errors: AppError `secret.no-key`, `secret.damaged`. */
  open(sealed: string, owner: string): string {
    const [version, id, iv = '', tag = '', body = ''] = sealed.split(':');
    const key = this.#keys.find((k) => k.id === id);
    if (version !== format)
      throw new AppError('secret.damaged', 'a stored secret has an unknown format');
    if (key === undefined) {
      throw new AppError(
        'secret.no-key',
        `a stored secret is encrypted with the key ${id}, which is not in the key file`,
      );
    }
    try {
      const box = createDecipheriv(cipher, key.bytes, Buffer.from(iv, 'base64url'), {
        authTagLength: 16,
      });
      box.setAAD(Buffer.from(owner)).setAuthTag(Buffer.from(tag, 'base64url'));
      return box.update(Buffer.from(body, 'base64url'), undefined, 'utf8') + box.final('utf8');
    } catch (cause) {
      throw new AppError('secret.damaged', 'a stored secret cannot be decrypted', { cause });
    }
  }
}

function parseKey(line: string): Key {
  const bytes = Buffer.from(line, 'base64');
  if (bytes.length !== 32) {
    throw new AppError('config.invalid', 'a secret key must be 32 bytes in base64', {
      details: { bytes: bytes.length },
    });
  }
  return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes };
}
