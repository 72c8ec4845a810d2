// A public key of OpenSSH on the wire: its type and its bytes, without options and comment.

/** The types that may log in. DSA is none of them: it is broken. */
const types = [
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp(?:256|384|521)',
  'sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\\.com',
];

/** "ssh-ed25519 AAAAC3Nz…" */
export const publicKeyPattern = `^(?:${types.join('|')}) [A-Za-z0-9+/]{16,8192}={0,2}$`;

/** The most keys that a machine is told. */
export const mostPublicKeys = 32;

const pattern = new RegExp(publicKeyPattern);

export function isPublicKey(text: string): boolean {
  return pattern.test(text);
}
