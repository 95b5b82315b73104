# What this product's installer does beyond electron-builder's templates, which include this file by its name.
#
# What always holds: Invoify is installed for one person, without an administrator; it is never installed among other
# files, as uninstalling removes its folder as a whole; an uninstaller removes what a person has in %APPDATA%\Invoify only
# where that person ticked it, and an update never does.

!macro customHeader
  !ifdef BUILD_UNINSTALLER
    LangString localData ${LANG_ENGLISH} "The data on this computer: copy, settings, logs"
    !ifdef LANG_GERMAN
      LangString localData ${LANG_GERMAN} "Die Daten auf diesem Computer: Kopie, Einstellungen, Protokolle"
    !endif
  !else
    # Takes a folder of its own below the chosen one if that holds anything but an Invoify.
    Function keepToOwnFolder
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

# Whatever a command line says: /allusers would need an administrator, and put one person's uninstaller before all.
!macro customInit
  StrCpy $hasPerMachineInstallation "0"
  StrCpy $hasPerUserInstallation "1"
  !insertmacro setInstallModePerUser
  ${If} ${Silent}
    Call keepToOwnFolder
  ${EndIf}
!macroend

!macro customUnInit
  StrCpy $hasPerMachineInstallation "0"
  StrCpy $hasPerUserInstallation "1"
  !insertmacro setInstallModePerUser
!macroend

# The page that asks for whom: there is nothing to ask. Runs in the page's first function, where Abort leaves it out.
!macro customInstallMode
  !insertmacro setInstallModePerUser
  Abort
!macroend

!macro customPageAfterChangeDir
  Page custom afterFolderChosen
  Function afterFolderChosen
    Call keepToOwnFolder
    Abort
  FunctionEnd
!macroend

# The templates keep a copy of the installer for an updater that downloads differences; there is none.
!macro customInstall
  Delete "$LOCALAPPDATA\${APP_INSTALLER_STORE_FILE}"
  ${StdUtils.GetParentPath} $R5 "$LOCALAPPDATA\${APP_INSTALLER_STORE_FILE}"
  RMDir "$R5"
!macroend

# A second entry on the uninstaller's first page, which nothing but a person's tick selects.
!macro customUnInstallSection
  Section /o "un.$(localData)"
    ${IfNot} ${isUpdated}
      SetShellVarContext current
      RMDir /r "$APPDATA\${PRODUCT_FILENAME}"
    ${EndIf}
  SectionEnd
!macroend
