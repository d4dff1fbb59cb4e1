from greendapt.cli.app import main

main()
