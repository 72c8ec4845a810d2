// The dialog that chooses a file to write, which some browsers have, on pages that came over HTTPS or loopback
// (https://wicg.github.io/file-system-access/).
interface Window {
  readonly showSaveFilePicker?: (options: {
    readonly suggestedName: string;
  }) => Promise<FileSystemFileHandle>;
}
