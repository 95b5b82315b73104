/* Stand-ins for the five NSIS plugins that electron-builder's templates call and that Debian does not package: UAC, WinShell,
   nsProcess, nsis7z and StdUtils. One library has the functions of all five and is copied under each name. For tests only:
   nothing elevates, shortcuts get no AppUserModelID, and 7-Zip is an executable embedded in this library.

   NSIS passes each function its variables (an array of strings of `size` characters) and a stack of such strings. */
#define UNICODE
#include <windows.h>

typedef struct text { struct text *below; WCHAR value[1]; } text;
#define PLUGIN(name) __declspec(dllexport) void name(HWND window, int size, WCHAR *variables, text **stack)
enum { OUTDIR = 22 };

static HINSTANCE library;

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *reserved) {
  (void)reason; (void)reserved;
  library = self;
  return TRUE;
}

static void push(text **stack, int size, const WCHAR *value) {
  text *top = GlobalAlloc(GPTR, sizeof(text) + size * sizeof(WCHAR));
  lstrcpynW(top->value, value, size);
  top->below = *stack;
  *stack = top;
}

static void pop(text **stack, WCHAR *value, int size) {
  text *top = *stack;
  value[0] = 0;
  if (!top) return;
  lstrcpynW(value, top->value, size);
  *stack = top->below;
  GlobalFree(top);
}

/* The command line after the program's name. */
static const WCHAR *arguments(void) {
  const WCHAR *at = GetCommandLineW();
  WCHAR end = *at == '"' ? *at++ : ' ';
  while (*at && *at != end) at++;
  while (*at == '"' || *at == ' ') at++;
  return at;
}

/* UAC: pops the number of a query; the answer to every query used here is no. */
PLUGIN(_) {
  WCHAR query[64];
  (void)window; (void)variables;
  pop(stack, query, 64);
  push(stack, size, L"0");
}

PLUGIN(UninstAppUserModelId) { WCHAR id[256]; (void)window; (void)size; (void)variables; pop(stack, id, 256); }
PLUGIN(UninstShortcut) { WCHAR path[MAX_PATH]; (void)window; (void)size; (void)variables; pop(stack, path, MAX_PATH); }
PLUGIN(SetLnkAUMI) {
  WCHAR argument[MAX_PATH];
  (void)window; (void)size; (void)variables;
  pop(stack, argument, MAX_PATH);
  pop(stack, argument, MAX_PATH);
}

PLUGIN(_FindProcess) { WCHAR name[MAX_PATH]; (void)window; (void)variables; pop(stack, name, MAX_PATH); push(stack, size, L"603"); }

PLUGIN(GetAllParameters) {
  WCHAR truncate[16];
  (void)window; (void)variables;
  pop(stack, truncate, 16);
  push(stack, size, arguments());
}

/* Whether `--name` or `/name` is among the arguments. */
PLUGIN(TestParameter) {
  WCHAR name[64];
  const WCHAR *at;
  (void)window; (void)variables;
  pop(stack, name, 64);
  for (at = arguments(); *at; at++) {
    const WCHAR *start = at[0] == '/' ? at + 1 : at[0] == '-' && at[1] == '-' ? at + 2 : NULL;
    int length = lstrlenW(name);
    if (!start || (at > arguments() && at[-1] != ' ')) continue;
    if (CompareStringW(LOCALE_INVARIANT, NORM_IGNORECASE, start, length, name, length) != CSTR_EQUAL) continue;
    if (start[length] && start[length] != ' ') continue;
    push(stack, size, L"true");
    return;
  }
  push(stack, size, L"false");
}

PLUGIN(GetParentPath) {
  WCHAR path[1024];
  int at;
  (void)window; (void)variables;
  pop(stack, path, 1024);
  for (at = lstrlenW(path); at > 0 && path[at] != '\\'; at--);
  path[at] = 0;
  push(stack, size, path);
}

PLUGIN(ExecShellAsUser) {
  WCHAR argument[1024];
  int count;
  (void)window; (void)variables;
  for (count = 0; count < 3; count++) pop(stack, argument, 1024);
  push(stack, size, L"ok");
}

/* Extracts the archive whose path is on the stack to $OUTDIR. */
PLUGIN(Extract) {
  WCHAR archive[1024], program[MAX_PATH], command[4096];
  HRSRC resource = FindResourceW(library, MAKEINTRESOURCEW(1), MAKEINTRESOURCEW(10));
  STARTUPINFOW startup = { .cb = sizeof startup };
  PROCESS_INFORMATION process;
  DWORD written;
  HANDLE file;
  (void)window;
  pop(stack, archive, 1024);
  GetTempPathW(MAX_PATH, command);
  GetTempFileNameW(command, L"7za", 0, program);
  file = CreateFileW(program, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
  WriteFile(file, LockResource(LoadResource(library, resource)), SizeofResource(library, resource), &written, NULL);
  CloseHandle(file);
  wsprintfW(command, L"\"%s\" x -y -bd \"-o%s\" \"%s\"", program, variables + OUTDIR * size, archive);
  if (CreateProcessW(program, command, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &startup, &process)) {
    WaitForSingleObject(process.hProcess, INFINITE);
    CloseHandle(process.hProcess);
    CloseHandle(process.hThread);
  }
  DeleteFileW(program);
}
