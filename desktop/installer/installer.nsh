# Extends electron-builder's NSIS templates, which include this file by name.
#
# Invariants: Invoify is installed per user, without administrator rights; it is never installed among other files, because
# uninstalling deletes its whole folder; the uninstaller deletes %APPDATA%\Invoify only if the user ticks that, and an update
# never does; an Invoify that runs is asked to close, as by its own X, before anything ends it.

!include "getProcessInfo.nsh"
Var pid

# The templates give it 1.3 seconds to close, and where PowerShell is there, none: Stop-Process ends a process at once. It also looks
# for whatever runs in a folder whose path begins like the chosen one, and fails on an apostrophe in it. So PowerShell counts as missing.
# An Invoify that asks about unsaved input, or finishes a write, has ten seconds; if it is still there, the templates ask once more
# before they end it, or end it if the installer is silent.
!macro customCheckAppRunning
  Var /GLOBAL IsPowerShellAvailable
  StrCpy $IsPowerShellAvailable 1
  !insertmacro FIND_PROCESS "${APP_EXECUTABLE_FILENAME}" $R0
  ${If} $R0 == 0
    MessageBox MB_OKCANCEL|MB_ICONEXCLAMATION "$(appRunning)" /SD IDOK IDOK +2
    Quit
    DetailPrint "$(appClosing)"
    nsExec::Exec `"$CmdPath" /C taskkill /IM "${APP_EXECUTABLE_FILENAME}" /FI "USERNAME eq %USERNAME%"`
    Pop $R0
    StrCpy $R1 0
    ${Do}
      Sleep 500
      IntOp $R1 $R1 + 1
      !insertmacro FIND_PROCESS "${APP_EXECUTABLE_FILENAME}" $R0
      ${If} $R0 != 0
      ${OrIf} $R1 > 20
        ${Break}
      ${EndIf}
    ${Loop}
  ${EndIf}
  !insertmacro _CHECK_APP_RUNNING
!macroend

!macro customHeader
  !ifdef BUILD_UNINSTALLER
    LangString localData ${LANG_ENGLISH} "Data on this computer: database, settings, logs"
    !ifdef LANG_GERMAN
      LangString localData ${LANG_GERMAN} "Daten auf diesem Computer: Datenbank, Einstellungen, Protokolle"
    !endif
  !else
    # Installs into a subfolder if the chosen folder holds anything but an Invoify installation.
    Function useOwnFolder
      Push $0
      Push $1
      ${IfNot} ${FileExists} "$INSTDIR\${APP_EXECUTABLE_FILENAME}"
        FindFirst $0 $1 "$INSTDIR\*.*"
        ${Do}
          ${If} $1 == ""
            ${Break}
          ${EndIf}
          ${If} $1 != "."
          ${AndIf} $1 != ".."
            StrCpy $INSTDIR "$INSTDIR\${APP_FILENAME}"
            ${Break}
          ${EndIf}
          FindNext $0 $1
        ${Loop}
        FindClose $0
      ${EndIf}
      Pop $1
      Pop $0
    FunctionEnd
  !endif
!macroend

# Always per user, whatever the command line says: /allusers would need administrator rights.
!macro customInit
  StrCpy $hasPerMachineInstallation "0"
  StrCpy $hasPerUserInstallation "1"
  !insertmacro setInstallModePerUser
  ${If} ${Silent}
    Call useOwnFolder
  ${EndIf}
!macroend

!macro customUnInit
  StrCpy $hasPerMachineInstallation "0"
  StrCpy $hasPerUserInstallation "1"
  !insertmacro setInstallModePerUser
!macroend

# Skips the page that asks for whom to install: Abort in the page's first function does that.
!macro customInstallMode
  !insertmacro setInstallModePerUser
  Abort
!macroend

!macro customPageAfterChangeDir
  Page custom onFolderChosen
  Function onFolderChosen
    Call useOwnFolder
    Abort
  FunctionEnd
!macroend

# The templates keep a copy of the installer for differential updates, which this product does not have.
!macro customInstall
  Delete "$LOCALAPPDATA\${APP_INSTALLER_STORE_FILE}"
  ${StdUtils.GetParentPath} $R5 "$LOCALAPPDATA\${APP_INSTALLER_STORE_FILE}"
  RMDir "$R5"
!macroend

# A second, unticked component on the uninstaller's first page.
!macro customUnInstallSection
  Section /o "un.$(localData)"
    ${IfNot} ${isUpdated}
      SetShellVarContext current
      RMDir /r "$APPDATA\${PRODUCT_FILENAME}"
    ${EndIf}
  SectionEnd
!macroend
