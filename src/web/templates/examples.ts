// The templates that come with the package, to start a new one from.
import debianCloud from '../../../templates/debian-cloud.yaml';
import debianDebootstrap from '../../../templates/debian-debootstrap.yaml';
import debianRaw from '../../../templates/debian-raw.yaml';
import hello from '../../../templates/hello.yaml';
import kexec from '../../../templates/kexec.yaml';
import rockyCloud from '../../../templates/rocky-cloud.yaml';
import ubuntuCloud from '../../../templates/ubuntu-cloud.yaml';

export interface Example {
  readonly name: string;
  /** Its first line, a sentence. */
  readonly says: string;
  /** YAML. */
  readonly text: string;
}

export const examples: readonly Example[] = [
  debianCloud,
  debianDebootstrap,
  debianRaw,
  hello,
  kexec,
  rockyCloud,
  ubuntuCloud,
].map((text) => ({
  name: /^ {2}name: (.*)$/m.exec(text)?.[1] ?? '',
  says: /^# (.*)$/m.exec(text)?.[1] ?? '',
  text,
}));
