// YAML files are bundled as their text (see build-page.ts).
declare module '*.yaml' {
  const text: string;
  export default text;
}
